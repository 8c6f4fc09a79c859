// clang gives every function of an Objective-C++ file the personality of GNU's Objective-C runtime, which catches no C++
// exceptions. This definition comes before the runtime's and sends C++ exceptions to C++. A function with
// @catch(SomeClass*) must not let C++ exceptions through.
#include <dlfcn.h>
#include <unwind.h>

using Personality = _Unwind_Reason_Code (*)(int, _Unwind_Action, _Unwind_Exception_Class, _Unwind_Exception*,
                                            _Unwind_Context*);

extern "C" _Unwind_Reason_Code __gxx_personality_v0(int, _Unwind_Action, _Unwind_Exception_Class,
                                                    _Unwind_Exception*, _Unwind_Context*);

extern "C" [[gnu::visibility("default")]] _Unwind_Reason_Code __gnu_objc_personality_v0(
    int version, _Unwind_Action actions, _Unwind_Exception_Class kind, _Unwind_Exception* exception,
    _Unwind_Context* context) {
  static const auto objc = [] {
    void* runtime = dlopen("libobjc.so.4", RTLD_LAZY | RTLD_NOLOAD);
    return reinterpret_cast<Personality>(dlsym(runtime, "__gnu_objc_personality_v0"));
  }();
  constexpr _Unwind_Exception_Class kCpp = 0x474e5543432b2b00ull;  // "GNUCC++" and 0, or 1 for a rethrown one
  const bool cpp = (kind & ~static_cast<_Unwind_Exception_Class>(0xff)) == kCpp;
  return (cpp ? __gxx_personality_v0 : objc)(version, actions, kind, exception, context);
}
