// How a kernel's C++ type becomes its bindings. The translator gives names and indices; types come from here.
#pragma once

template <unsigned I, class F> struct sm_parameter;
template <unsigned I, class R, class A, class... B>
struct sm_parameter<I, R (*)(A, B...)> : sm_parameter<I - 1, R (*)(B...)> {};
template <class R, class A, class... B> struct sm_parameter<0, R (*)(A, B...)> {
  typedef A type;
};

template <class P> using sm_pointee = __remove_pointer(__remove_reference_t(P));
template <class T> constexpr bool sm_is_const = false;
template <class T> constexpr bool sm_is_const<const T> = true;
template <class T> struct sm_layout {
  enum : unsigned { size = sizeof(T), align = alignof(T) };
};
template <> struct sm_layout<void> {
  enum : unsigned { size = 1, align = 1 };
};

// The numbers of MTLDataType; what has none is a struct.
template <class T> constexpr unsigned sm_data_type = 1;
template <class T> constexpr unsigned sm_data_type<metal::_atomic<T>> = sm_data_type<T>;
#define SM_TYPE(T, number) template <> constexpr unsigned sm_data_type<T> = number
SM_TYPE(float, 3);
SM_TYPE(float2, 4);
SM_TYPE(float3, 5);
SM_TYPE(float4, 6);
SM_TYPE(half, 16);
SM_TYPE(half2, 17);
SM_TYPE(half4, 19);
SM_TYPE(int, 29);
SM_TYPE(int2, 30);
SM_TYPE(int3, 31);
SM_TYPE(int4, 32);
SM_TYPE(uint, 33);
SM_TYPE(uint2, 34);
SM_TYPE(uint3, 35);
SM_TYPE(uint4, 36);
SM_TYPE(short, 37);
SM_TYPE(ushort, 41);
SM_TYPE(char, 45);
SM_TYPE(uchar, 49);
SM_TYPE(bool, 53);
SM_TYPE(long, 81);
SM_TYPE(ulong, 85);
SM_TYPE(bfloat, 121);
#undef SM_TYPE

template <class P> constexpr sm_argument sm_describe(const char* name, sm_kind kind, unsigned index) {
  static_assert(__is_pointer(P) || __is_reference(P),
                "MSL: [[buffer]] and [[threadgroup]] need a pointer or reference");
  typedef sm_layout<__remove_cv(sm_pointee<P>)> L;
  return {name,  kind,    __is_reference(P), !sm_is_const<sm_pointee<P>>,
          index, L::size, L::align,          sm_data_type<__remove_cv(sm_pointee<P>)>};
}
template <class P> SM_INLINE P sm_bind(void* p) {
  if constexpr (__is_reference(P)) {
    return *(__remove_reference_t(P)*)p;
  } else {
    return (P)p;
  }
}
template <class P> SM_INLINE sm_plain<P> sm_position(const unsigned* from) {
  typedef sm_plain<P> V;
  if constexpr (sm_vector<V>::n == 1) {
    return (V)from[0];
  } else {
    V v;
    for (int i = 0; i < sm_vector<V>::n && i < 3; i++) v[i] = (typename sm_vector<V>::element)from[i];
    return v;
  }
}

// Threadgroup variables of a kernel's body. Each instance of a kernel owns its own.
static sm_variable* sm_variables;
template <class Tag> struct sm_owner {
  static char id;
};
template <class Tag> char sm_owner<Tag>::id;
struct sm_listed : sm_variable {
  sm_listed(const void* of, unsigned bytes, unsigned alignment) {
    owner = of;
    size = bytes;
    align = alignment;
    next = sm_variables;
    sm_variables = this;
  }
};
template <class Tag, class T, int N> struct sm_declared {
  static sm_listed listed;
};
template <class Tag, class T, int N>
sm_listed sm_declared<Tag, T, N>::listed{&sm_owner<Tag>::id, sizeof(T), alignof(T)};
template <class Tag, class T, int N> SM_INLINE T& sm_group_variable() {
  return *(T*)(sm_current->group->variables + sm_declared<Tag, T, N>::listed.offset);
}

// A function constant that newFunctionWithName: was given no value for.
template <class T, unsigned Index> struct sm_unset_constant {
  const char* name;
  operator T() const {
    sm_missing_constant(name, Index);
    return T();
  }
};
template <class T> constexpr bool is_function_constant_defined(const T&) {
  return true;
}
template <class T, unsigned I> constexpr bool is_function_constant_defined(const sm_unset_constant<T, I>&) {
  return false;
}
