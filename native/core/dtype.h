// Element types of buffers, by NumPy's names.
#pragma once
#include <string_view>

#include "ringway/config.h"

namespace ringway {

enum class DType : u32 { kI8, kU8, kI16, kU16, kI32, kU32, kI64, kU64, kF16, kF32, kF64 };
enum : u32 { kDTypes = 11 };

constexpr const char* name_of(DType dtype) {
  constexpr const char* kNames[kDTypes] = {"int8",  "uint8",  "int16",   "uint16",  "int32",  "uint32",
                                           "int64", "uint64", "float16", "float32", "float64"};
  return kNames[u32(dtype)];
}
constexpr u32 size_of(DType dtype) {
  constexpr u32 kSizes[kDTypes] = {1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8};
  return kSizes[u32(dtype)];
}
constexpr bool is_float(DType dtype) {
  return dtype >= DType::kF16;
}
constexpr bool is_signed(DType dtype) {
  return is_float(dtype) || u32(dtype) % 2 == 0;
}

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<u8>() {
  return DType::kU8;
}
template <>
constexpr DType dtype_of<u16>() {
  return DType::kU16;
}
template <>
constexpr DType dtype_of<i32>() {
  return DType::kI32;
}
template <>
constexpr DType dtype_of<u32>() {
  return DType::kU32;
}
template <>
constexpr DType dtype_of<i64>() {
  return DType::kI64;
}
template <>
constexpr DType dtype_of<u64>() {
  return DType::kU64;
}
template <>
constexpr DType dtype_of<float>() {
  return DType::kF32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::kF64;
}

}  // namespace ringway
