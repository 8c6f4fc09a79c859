#pragma once
#define device
#define constant const
#define thread
#define threadgroup
#define kernel
#if __METAL_VERSION__ >= 320
#define coherent(scope)
#endif
#define SM_INLINE static inline __attribute__((always_inline))

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef _Float16 half;
typedef __bf16 bfloat;
typedef signed char int8_t;
typedef uchar uint8_t;
typedef short int16_t;
typedef ushort uint16_t;
typedef int int32_t;
typedef uint uint32_t;
typedef long int64_t;
typedef ulong uint64_t;
typedef ulong size_t;
typedef long ptrdiff_t;

// Which type a type is: enough of <type_traits>.
template <class T> using sm_plain = __remove_cv(__remove_reference_t(T));
template <bool, class T = void> struct sm_if {};
template <class T> struct sm_if<true, T> {
  typedef T type;
};
template <class T> struct sm_same {
  typedef T type;
};

template <class T> struct sm_vector {
  enum { n = 1 };
  typedef T element;
};
#define SM_VECTOR(T)                                  \
  typedef T T##2 __attribute__((ext_vector_type(2))); \
  typedef T T##3 __attribute__((ext_vector_type(3))); \
  typedef T T##4 __attribute__((ext_vector_type(4))); \
  template <> struct sm_vector<T##2> {                \
    enum { n = 2 };                                   \
    typedef T element;                                \
  };                                                  \
  template <> struct sm_vector<T##3> {                \
    enum { n = 3 };                                   \
    typedef T element;                                \
  };                                                  \
  template <> struct sm_vector<T##4> {                \
    enum { n = 4 };                                   \
    typedef T element;                                \
  };
SM_VECTOR(float)
SM_VECTOR(half)
SM_VECTOR(char)
SM_VECTOR(uchar)
SM_VECTOR(short)
SM_VECTOR(ushort)
SM_VECTOR(int)
SM_VECTOR(uint)
SM_VECTOR(long)
SM_VECTOR(ulong)
#undef SM_VECTOR

struct packed_float3 {
  float x, y, z;
  packed_float3() = default;
  packed_float3(float3 v) : x(v.x), y(v.y), z(v.z) {}
  operator float3() const { return float3{x, y, z}; }
};
struct packed_uint3 {
  uint x, y, z;
  packed_uint3() = default;
  packed_uint3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  operator uint3() const { return uint3{x, y, z}; }
};

// float4(a, b): the translator writes sm_make<float4>(a, b).
template <class V, class A> SM_INLINE void sm_put(V& v, int& k, const A& a) {
  typedef typename sm_vector<V>::element E;
  if constexpr (sm_vector<A>::n == 1) {
    v[k++] = (E)a;
  } else {
    for (int i = 0; i < sm_vector<A>::n; i++) v[k++] = (E)a[i];
  }
}
template <class V, class... A> SM_INLINE V sm_make(const A&... a) {
  constexpr int n = sm_vector<V>::n, given = (0 + ... + sm_vector<sm_plain<A>>::n);
  V v{};
  if constexpr (sizeof...(A) == 1 && given == 1) {
    for (int i = 0; i < n; i++) v[i] = (typename sm_vector<V>::element)(a, ...);
  } else {
    static_assert(sizeof...(A) == 0 || given == n,
                  "MSL: vector constructor with a wrong number of components");
    int k = 0;
    (sm_put(v, k, a), ...);
  }
  return v;
}

template <class T, class U> SM_INLINE T as_type(U u) {
  static_assert(sizeof(T) == sizeof(U), "MSL: as_type between types of different sizes");
  return __builtin_bit_cast(T, u);
}

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define FLT_MAX 3.402823466e+38f
#define FLT_MIN 1.175494351e-38f
#define FLT_EPSILON 1.1920929e-7f
#define MAXFLOAT FLT_MAX
#define M_PI_F 3.14159274101257f
#define INT_MAX 2147483647
#define UINT_MAX 4294967295u

namespace metal {
using ::bfloat;
using ::half;
using ::int16_t;
using ::int32_t;
using ::int64_t;
using ::int8_t;
using ::ptrdiff_t;
using ::size_t;
using ::uchar;
using ::uint;
using ::uint16_t;
using ::uint32_t;
using ::uint64_t;
using ::uint8_t;
using ::ulong;
using ::ushort;
template <class T, class U> struct is_same {
  static constexpr bool value = __is_same(T, U);
};
template <class T, class U> constexpr bool is_same_v = __is_same(T, U);
}  // namespace metal
