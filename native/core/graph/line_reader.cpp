#include "core/graph/line_reader.h"

#include "core/error.h"

namespace ringway {

void LineReader::feed(std::string_view chunk) {
  if (chunk.empty()) return;
  if (!carry_.empty()) {
    const std::size_t end = chunk.find('\n');
    const bool ends = end != std::string_view::npos;
    carry_.append(chunk.substr(0, ends ? end + 1 : end));
    chunk.remove_prefix(ends ? end + 1 : chunk.size());
    if (ends) {
      take(carry_.data(), carry_.data() + carry_.size());
      carry_.clear();
    }
  }
  const std::size_t last = chunk.rfind('\n');
  if (last != std::string_view::npos) {
    take(chunk.data(), chunk.data() + last + 1);
    chunk.remove_prefix(last + 1);
  }
  carry_.append(chunk);
  if (carry_.size() > kLongestLine) {
    ++line_;
    fail("the line is longer than " + std::to_string(kLongestLine) + " bytes; is this a text file?");
  }
}

Graph::Ptr LineReader::finish() {
  if (!carry_.empty()) {
    carry_.push_back('\n');
    take(carry_.data(), carry_.data() + carry_.size());
  }
  return done();
}

void LineReader::fail(const std::string& reason) const {
  throw Error(ErrorKind::kGraph, options_.name + ":" + std::to_string(line_) + ": " + reason);
}

void LineReader::fail_whole(const std::string& reason) const {
  throw Error(ErrorKind::kGraph, options_.name + ": " + reason);
}

}  // namespace ringway
