#include "softmetal/backend.h"

#include <chrono>
#include <cstdlib>
#include <numeric>
#include <thread>

#include "backends/metal/dispatcher.h"
#include "core/log.h"
#include "softmetal.h"

namespace metal_test {
namespace {

// Before the backend first looks.
[[maybe_unused]] const int asked = setenv("RINGWAY_METAL", "software", 1);

}  // namespace

Device::Device()
    : dispatcher_(metal::open_dispatcher(0)),
      pool_(std::make_shared<BufferPool>(u64(1) << 30, dispatcher_->pages())) {}

Device::~Device() {
  dispatcher_->stop();
}

std::shared_ptr<DispatchJob> Device::start(const DispatchKernel& kernel, DType element, Extent threads,
                                           Extent group, const std::vector<u64>& words) {
  DispatchRequest request;
  request.kernel = &kernel;
  request.element = element;
  for (u32 axis = 0; axis < 3; ++axis) {
    request.grid.threads[axis] = threads[axis];
    request.grid.group[axis] = group[axis];
    request.grid.groups[axis] = (threads[axis] + group[axis] - 1) / group[axis];
  }
  std::copy(words.begin(), words.end(), request.words.begin());
  const SizeOf of{request.grid, request.words};
  if (kernel.group_bytes) request.group_bytes = u32(kernel.group_bytes(of, size_of(element)));
  return dispatcher_->start(request, false);
}

Thrown Device::end(const std::shared_ptr<DispatchJob>& job) {
  if (!job->wait(Wait::seconds(20))) {
    ADD_FAILURE() << job->request.kernel->name << " has not ended within 20 s: nobody says that it has";
    std::abort();  // what runs cannot be taken down
  }
  return thrown_by([&] { job->check(); });
}

std::vector<int> orders(int first, int last) {
  std::vector<int> all(std::size_t((std::getenv("RINGWAY_FULL") ? 200 : last) - first + 1));
  std::iota(all.begin(), all.end(), first);
  return all;
}

std::string log_of(const std::function<void()>& call) {
  log::keep(true);
  const log::Level before = log::threshold();
  log::set_threshold(log::Level::kDebug);
  call();
  log::set_threshold(before);
  std::string all;
  for (const log::LogLine& line : log::take().records) all += line.text + "\n";
  log::keep(false);
  return all;
}

long left(const char* kind) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (softmetal_live_objects(kind) && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return softmetal_live_objects(kind);
}

}  // namespace metal_test
