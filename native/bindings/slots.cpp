#include "bindings/slots.h"

#include <algorithm>
#include <string>
#include <utility>

namespace ringway::bindings {

// What an array's memory belongs to, in NumPy's words: its base.
struct Slots::Hold {
  std::shared_ptr<Slots> slots;
  explicit Hold(std::shared_ptr<Slots> held) : slots(std::move(held)) { ++slots->arrays_; }
  ~Hold() { slots->array_gone(); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
};

Slots::Slots(std::shared_ptr<NamedQueue> queue, NamedQueue::Side side, u32 n)
    : queue_(std::move(queue)), side_(side) {
  if (!queue_->type().fixed_size) sizes_.reserve(std::min(n, queue_->queue().ring().capacity));
}

bool Slots::hold(SlotClaim claim) {
  claim_ = claim;
  open_ = claim.count != 0;
  if (queue_->type().fixed_size) return open_;
  for (u32 i = 0; i < claim.count; ++i) {
    sizes_.push_back(side_ == NamedQueue::Side::kSend ? queue_->max_message()
                                                      : queue_->size(claim.first + i));
  }
  return open_;
}

Slots::~Slots() {
  if (open_) finish(0);
}

py::array Slots::array(const py::object& dtype) {
  if (!open_ || given_up_) {
    throw Error(ErrorKind::kInvalidState, "the slots of queue '" + queue_->name() +
                                              "' were given back; copy what is needed afterwards");
  }
  const auto count = py::ssize_t(claim_.count), stride = py::ssize_t(queue_->queue().ring().stride);
  const py::capsule hold(new Hold(shared_from_this()), [](void* held) { delete static_cast<Hold*>(held); });
  u8* const first = queue_->payload(claim_.first);
  py::array made;
  if (dtype.is_none()) {
    made = py::array(py::dtype::of<u8>(), {count, py::ssize_t(queue_->max_message())},
                     {stride, py::ssize_t(1)}, first, hold);
  } else {
    const auto records = py::dtype::from_args(dtype);
    if (records.itemsize() > py::ssize_t(queue_->max_message())) {
      throw Error(ErrorKind::kTypeMismatch, "records of " + std::to_string(records.itemsize()) +
                                                " bytes do not lie in the slots of queue '" + queue_->name() +
                                                "', which hold " + std::to_string(queue_->max_message()));
    }
    made = py::array(records, {count}, {stride}, first, hold);
  }
  if (side_ == NamedQueue::Side::kReceive) {
    py::detail::array_proxy(made.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  }
  return made;
}

py::array_t<u32> Slots::sizes() const {
  const std::vector<u32> fixed(sizes_.empty() ? claim_.count : 0, queue_->type().fixed_size);
  const std::vector<u32>& sizes = sizes_.empty() ? fixed : sizes_;
  return py::array_t<u32>(py::ssize_t(sizes.size()), sizes.data());
}

void Slots::set_sizes(const py::array_t<u32, py::array::c_style | py::array::forcecast>& sizes) {
  const u32 most = queue_->max_message();
  const auto* values = sizes.data();
  const bool fits = sizes.ndim() == 1 && std::size_t(sizes.size()) == sizes_.size() &&
                    std::all_of(values, values + sizes.size(), [&](u32 size) { return size <= most; });
  if (!fits || side_ == NamedQueue::Side::kReceive || queue_->type().fixed_size) {
    throw Error(ErrorKind::kInvalidOption, "sizes of " + std::to_string(claim_.count) +
                                               " reserved slots of bytes: as many numbers, each at most " +
                                               std::to_string(most));
  }
  std::copy(values, values + sizes.size(), sizes_.begin());
}

void Slots::end(u32 sent) {
  if (!open_ || given_up_) {
    throw Error(ErrorKind::kInvalidState,
                "the slots of queue '" + queue_->name() + "' were given back already");
  }
  if (sent > claim_.count) {
    throw Error(ErrorKind::kInvalidOption, "count is " + std::to_string(sent) + "; of " +
                                               std::to_string(claim_.count) +
                                               " reserved slots at most as many are sent");
  }
  if (!arrays_) return finish(sent);
  given_up_ = true;
  throw Error(
      ErrorKind::kInvalidState,
      std::to_string(arrays_) + (arrays_ == 1 ? " array over" : " arrays over") + " slots of queue '" +
          queue_->name() +
          "' outlived their block (in a variable, a scalar such as slots[0], a memoryview); `del` them "
          "before its end, or copy. The slots go back" +
          (side_ == NamedQueue::Side::kReceive ? "" : ", unsent,") + " when the last is gone");
}

void Slots::give_up() {
  if (!open_) return;
  given_up_ = true;
  if (!arrays_) finish(0);
}

void Slots::finish(u32 sent) {
  open_ = false;
  if (queue_->forked()) return;
  if (side_ == NamedQueue::Side::kReceive) {
    queue_->release(claim_);
  } else {
    queue_->publish(claim_, sizes_.data(), sent);
  }
}

void Slots::array_gone() {
  if (!--arrays_ && given_up_ && open_) finish(0);
}

void init_slots(py::module_& module) {
  py::class_<Slots, std::shared_ptr<Slots>>(module, "Slots")
      .def_property_readonly("open", &Slots::open)
      .def("__len__", &Slots::count)
      .def("array", &Slots::array, py::arg("dtype"))
      .def("sizes", &Slots::sizes)
      .def("set_sizes", &Slots::set_sizes, py::arg("sizes"))
      .def("end", &Slots::end, py::arg("sent"))
      .def("give_up", &Slots::give_up);
}

}  // namespace ringway::bindings
