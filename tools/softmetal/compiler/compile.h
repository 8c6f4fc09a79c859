// From Metal source to kernels that can be called, by compile.py, with a cache of what was compiled before.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/dispatch.h"

namespace softmetal {

struct CompileOptions {
  unsigned version = 310;  // 310 is Metal 3.1
  bool fast_math = true;
  unsigned max_threads = SM_GROUP_THREADS;
  std::map<std::string, std::string> macros;
  std::map<std::string, std::string> constants;  // function constants, by index or by name, as C++
};

struct Module {
  std::map<std::string, Kernel> kernels;
  std::vector<sm_constant> constants;
};

struct Compiled {
  const Module* module = nullptr;  // lives as long as the process; null where the source is wrong
  std::string diagnostics;         // errors or warnings
};

Compiled compile(const std::string& source, const CompileOptions& options);

}  // namespace softmetal
