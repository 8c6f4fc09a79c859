// Owners of Objective-C objects: references are counted by hand, so that the same code runs on Linux.
#pragma once
#import <Foundation/Foundation.h>

#include <string>
#include <utility>

namespace ringway::metal {

// One reference to an object; T is a pointer type such as id<MTLBuffer>.
template <class T>
class Owned {
 public:
  Owned() = default;
  // Takes over the reference that methods named new, copy or alloc return.
  static Owned adopt(T object) { return Owned(object); }
  // Adds a reference to an object that others own.
  static Owned retain(T object) { return Owned([object retain]); }

  Owned(const Owned& other) : object_([other.object_ retain]) {}
  Owned(Owned&& other) noexcept : object_(std::exchange(other.object_, nil)) {}
  Owned& operator=(Owned other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Owned() { [object_ release]; }

  T get() const { return object_; }
  explicit operator bool() const { return object_ != nil; }

 private:
  explicit Owned(T object) : object_(object) {}
  T object_ = nil;
};

// Frees at its end what was autoreleased meanwhile, also when an exception ends it, as @autoreleasepool would not. Each
// function that a thread of the host's or of Metal's enters by has one.
class AutoreleaseScope {
 public:
  AutoreleaseScope() : pool_([NSAutoreleasePool new]) {}
  ~AutoreleaseScope() { [pool_ drain]; }
  AutoreleaseScope(const AutoreleaseScope&) = delete;
  AutoreleaseScope& operator=(const AutoreleaseScope&) = delete;

 private:
  NSAutoreleasePool* pool_;
};

inline std::string text_of(NSString* string) {
  return string ? [string UTF8String] : "";
}
inline Owned<NSString*> owned_string(const std::string& text) {
  return Owned<NSString*>::adopt([[NSString alloc] initWithUTF8String:text.c_str()]);
}
// Autoreleased.
inline NSString* string_of(const std::string& text) {
  return [NSString stringWithUTF8String:text.c_str()];
}

}  // namespace ringway::metal
