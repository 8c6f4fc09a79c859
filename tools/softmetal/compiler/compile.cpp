#include "compiler/compile.h"

#include <dlfcn.h>
#include <spawn.h>
#include <sys/wait.h>

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <stdexcept>

#include "compiler/cache.h"

extern char** environ;

namespace softmetal {
namespace {

namespace fs = std::filesystem;

std::string home() {
  const char* given = std::getenv("SOFTMETAL_HOME");
  return given && *given ? given : SOFTMETAL_SOURCE_DIR;
}

// What decides, besides source and options, what is compiled: the translator, the library and the ABI.
const std::string& tools_text() {
  static const std::string text = [] {
    std::vector<fs::path> files{home() + "/engine/abi.h"};
    for (const char* folder : {"/compiler", "/msl"})
      for (const auto& entry : fs::recursive_directory_iterator(home() + folder))
        if (entry.is_regular_file() &&
            (entry.path().extension() == ".py" || entry.path().extension() == ".h"))
          files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::string all;
    for (const fs::path& file : files) all += read_file(file.string());
    return all;
  }();
  return text;
}

std::vector<std::string> arguments(const CompileOptions& options) {
  std::vector<std::string> all{"--version=" + std::to_string(options.version),
                               "--threads=" + std::to_string(options.max_threads)};
  if (options.fast_math) all.push_back("--fast");
  for (const auto& [name, value] : options.macros) all.push_back("-D" + name + "=" + value);
  for (const auto& [name, value] : options.constants) all.push_back("--constant=" + name + "=" + value);
  std::string flags = SOFTMETAL_KERNEL_FLAGS;
  if (const char* more = std::getenv("SOFTMETAL_CXXFLAGS")) flags += std::string(" ") + more;
  for (size_t at = 0; at < flags.size();) {
    const size_t end = std::min(flags.find(' ', at), flags.size());
    if (end > at) all.push_back("--flag=" + flags.substr(at, end - at));
    at = end + 1;
  }
  return all;
}

// The exit status; standard error goes to `log`.
int spawn(const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child;
  const int error = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error) throw std::runtime_error("cannot run " + command[0] + ", which compiles kernels");
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

// Puts an entry into the cache, whole or not at all. The diagnostics; `done` says whether there are kernels.
std::string build(const std::string& folder, const std::string& path, const std::string& source,
                  const std::vector<std::string>& options, const std::string& key, bool* done) {
  std::string scratch = folder + "/scratch-XXXXXX";
  if (!mkdtemp(scratch.data()))
    throw std::runtime_error("cannot write to " + folder + ": set SOFTMETAL_CACHE");
  write_file(scratch + "/source.metal", source);
  write_file(scratch + "/key", key);
  std::vector<std::string> command{"python3", home() + "/compiler/compile.py", scratch + "/source.metal",
                                   scratch + "/kernels.so"};
  command.insert(command.end(), options.begin(), options.end());
  *done = spawn(command, scratch + "/log") == 0;
  const std::string diagnostics = read_file(scratch + "/log");
  if (*done) {
    fs::rename(scratch + "/log", path + ".log");
    fs::rename(scratch + "/kernels.cpp", path + ".cpp");
    fs::rename(scratch + "/key", path + ".key");
    fs::rename(scratch + "/kernels.so", path + ".so");
  }
  fs::remove_all(scratch);
  return diagnostics;
}

// Kernels call back into this library, which a Python extension brings in for itself alone.
void show_engine_to_kernels() {
  Dl_info self;
  if (!dladdr(reinterpret_cast<void*>(&sm_barrier), &self)) return;
  static void* shown = dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
  (void)shown;
}

void place_variables(const sm_module& table, std::map<std::string, Kernel>& kernels) {
  constexpr unsigned kGap = 64;
  std::map<const void*, Kernel*> owners;
  for (unsigned i = 0; i < table.kernel_count; ++i)
    owners[table.kernels[i].owner] = &kernels[table.kernels[i].name];
  std::map<const void*, unsigned> used;
  for (sm_variable* variable = *table.variables; variable; variable = variable->next) {
    const auto owner = owners.find(variable->owner);
    if (owner == owners.end()) continue;
    const unsigned align = std::max(variable->align, 16u);
    unsigned& at = used[variable->owner];
    at = (at + align - 1) / align * align;
    variable->offset = at;
    owner->second->variables.push_back({at, variable->size});
    owner->second->variable_bytes += (variable->size + 15) & ~15u;
    at += variable->size + kGap;
  }
}

const Module* load(const std::string& path) {
  static std::mutex mutex;
  static auto* loaded = new std::map<std::string, Module>;
  const std::lock_guard<std::mutex> hold(mutex);
  const auto found = loaded->find(path);
  if (found != loaded->end()) return &found->second;
  show_engine_to_kernels();
  void* library = dlopen((path + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw std::runtime_error(dlerror());
  const auto& table = *static_cast<const sm_module*>(dlsym(library, "sm_module_table"));
  Module& module = (*loaded)[path];
  for (unsigned i = 0; i < table.kernel_count; ++i) {
    const sm_kernel& from = table.kernels[i];
    Kernel& kernel = module.kernels[from.name];
    kernel.name = from.name;
    kernel.entry = from.entry;
    kernel.max_threads = std::min<unsigned>(from.max_threads, SM_GROUP_THREADS);
    kernel.arguments.assign(from.arguments, from.arguments + from.argument_count);
  }
  place_variables(table, module.kernels);
  module.constants.assign(table.constants, table.constants + table.constant_count);
  return &module;
}

}  // namespace

Compiled compile(const std::string& source, const CompileOptions& options) {
  static std::mutex one_at_a_time;
  const std::lock_guard<std::mutex> hold(one_at_a_time);
  try {
    const std::vector<std::string> words = arguments(options);
    const char* clang = std::getenv("SOFTMETAL_CLANG");
    std::string key = tools_text() + "\n" + (clang ? clang : "") + "\n";
    for (const std::string& word : words) key += word + "\n";
    key += source;
    const std::string folder = cache_folder(), path = cache_path(folder, key);
    if (cache_holds(path, key)) return {load(path), read_file(path + ".log")};
    bool done = false;
    std::string diagnostics = build(folder, path, source, words, key, &done);
    return {done ? load(path) : nullptr, diagnostics};
  } catch (const std::exception& error) {
    return {nullptr, error.what()};
  }
}

}  // namespace softmetal
