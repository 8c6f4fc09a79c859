// As the host computes it: a GPU's rounding, denormals and fast variants are not modelled.
#pragma once
namespace metal {
#define SM_UNARY(name, expression)                                                                \
  SM_INLINE float name(float x) {                                                                 \
    return expression;                                                                            \
  }                                                                                               \
  SM_INLINE half name(half h) {                                                                   \
    const float x = h;                                                                            \
    return (half)(expression);                                                                    \
  }                                                                                               \
  template <class V, class = typename sm_if<(sm_vector<V>::n > 1)>::type> SM_INLINE V name(V v) { \
    for (int i = 0; i < sm_vector<V>::n; i++) v[i] = name(v[i]);                                  \
    return v;                                                                                     \
  }
#define SM_FLOATS                            \
  SM_UNARY(exp, __builtin_expf(x))           \
  SM_UNARY(exp2, __builtin_exp2f(x))         \
  SM_UNARY(log, __builtin_logf(x))           \
  SM_UNARY(log2, __builtin_log2f(x))         \
  SM_UNARY(sqrt, __builtin_sqrtf(x))         \
  SM_UNARY(rsqrt, 1.0f / __builtin_sqrtf(x)) \
  SM_UNARY(sin, __builtin_sinf(x))           \
  SM_UNARY(cos, __builtin_cosf(x))           \
  SM_UNARY(tan, __builtin_tanf(x))           \
  SM_UNARY(tanh, __builtin_tanhf(x))         \
  SM_UNARY(floor, __builtin_floorf(x))       \
  SM_UNARY(ceil, __builtin_ceilf(x))         \
  SM_UNARY(round, __builtin_roundf(x))       \
  SM_UNARY(rint, __builtin_rintf(x))         \
  SM_UNARY(trunc, __builtin_truncf(x))       \
  SM_UNARY(fabs, __builtin_fabsf(x))         \
  SM_INLINE float pow(float a, float b) {    \
    return __builtin_powf(a, b);             \
  }                                          \
  SM_INLINE float fmod(float a, float b) {   \
    return __builtin_fmodf(a, b);            \
  }
SM_FLOATS
namespace fast {
SM_FLOATS
}
namespace precise {
SM_FLOATS
}
#undef SM_FLOATS
#undef SM_UNARY
SM_INLINE float fma(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}
#define SM_BINARY(name, chosen)                                                          \
  template <class T> SM_INLINE T name(T a, T b) {                                        \
    if constexpr (sm_vector<T>::n == 1) {                                                \
      return chosen(b, a) ? b : a;                                                       \
    } else {                                                                             \
      for (int i = 0; i < sm_vector<T>::n; i++) a[i] = chosen(b[i], a[i]) ? b[i] : a[i]; \
      return a;                                                                          \
    }                                                                                    \
  }
#define SM_LESS(a, b) ((a) < (b))
#define SM_MORE(a, b) ((a) > (b))
SM_BINARY(min, SM_LESS)
SM_BINARY(max, SM_MORE)
SM_BINARY(fmin, SM_LESS)
SM_BINARY(fmax, SM_MORE)
#undef SM_BINARY
#undef SM_LESS
#undef SM_MORE
template <class T> SM_INLINE T clamp(T x, typename sm_same<T>::type low, typename sm_same<T>::type high) {
  return min(max(x, low), high);
}
template <class T> SM_INLINE T abs(T x) {
  return x < 0 ? -x : x;
}
template <class T> SM_INLINE T select(T a, T b, bool c) {
  return c ? b : a;
}
template <class T> SM_INLINE bool isnan(T x) {
  return x != x;
}
SM_INLINE bool isinf(float x) {
  return __builtin_isinf(x);
}
SM_INLINE bool isfinite(float x) {
  return __builtin_isfinite(x);
}
template <class T> SM_INLINE T mix(T a, T b, typename sm_vector<T>::element t) {
  return a + (b - a) * t;
}
template <class V> SM_INLINE typename sm_vector<V>::element dot(V a, V b) {
  typename sm_vector<V>::element sum = 0;
  for (int i = 0; i < sm_vector<V>::n; i++) sum += a[i] * b[i];
  return sum;
}
template <class T> SM_INLINE T popcount(T x) {
  return (T)__builtin_popcountg((__make_unsigned(T))x);
}
template <class T> SM_INLINE T clz(T x) {
  return (T)__builtin_clzg((__make_unsigned(T))x, int(8 * sizeof(T)));
}
template <class T> SM_INLINE T ctz(T x) {
  return (T)__builtin_ctzg((__make_unsigned(T))x, int(8 * sizeof(T)));
}
SM_INLINE uint mulhi(uint a, uint b) {
  return uint((ulong(a) * b) >> 32);
}
}  // namespace metal
