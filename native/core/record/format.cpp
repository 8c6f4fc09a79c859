#include "core/record/format.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/error.h"

namespace ringway {
namespace {

void put(std::vector<u8>* to, const std::string& text) {
  const u32 bytes = u32(text.size());
  u8 length[sizeof(bytes)];
  std::memcpy(length, &bytes, sizeof(bytes));
  to->insert(to->end(), length, length + sizeof(length));
  to->insert(to->end(), text.begin(), text.end());
}

std::string take(std::span<const u8>* from) {
  u32 bytes = 0;
  if (from->size() >= sizeof(bytes)) {
    std::memcpy(&bytes, from->data(), sizeof(bytes));
    *from = from->subspan(sizeof(bytes));
    if (bytes <= from->size()) {
      std::string text(from->begin(), from->begin() + bytes);
      *from = from->subspan(bytes);
      return text;
    }
  }
  throw Error(ErrorKind::kRecording, "the fields of a record end in the middle of a text");
}

[[noreturn]] void no_number(const char* name, const std::string& text) {
  throw Error(ErrorKind::kRecording,
              std::string("the field '") + name + "' of a record is '" + text + "', which is no such number");
}

}  // namespace

std::vector<u8> encode_fields(const RecordFields& fields) {
  std::vector<u8> bytes;
  for (const auto& [name, value] : fields) {
    put(&bytes, name);
    put(&bytes, value);
  }
  return bytes;
}

RecordFields decode_fields(std::span<const u8> bytes) {
  RecordFields fields;
  while (!bytes.empty()) {
    std::string name = take(&bytes);
    fields[std::move(name)] = take(&bytes);
  }
  return fields;
}

std::string number_text(double number) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.17g", number);
  return text;
}

const std::string& field_of(const RecordFields& fields, const char* name) {
  const auto found = fields.find(name);
  if (found != fields.end()) return found->second;
  throw Error(ErrorKind::kRecording, std::string("a record has no field '") + name + "'");
}

std::int64_t whole_of(const RecordFields& fields, const char* name) {
  const std::string& text = field_of(fields, name);
  char* end = nullptr;
  errno = 0;
  const long long number = std::strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end || errno) no_number(name, text);
  return number;
}

double real_of(const RecordFields& fields, const char* name) {
  const std::string& text = field_of(fields, name);
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end) no_number(name, text);
  return number;
}

}  // namespace ringway
