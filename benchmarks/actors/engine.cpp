// The engine of examples/actors/order_book.py as one writes it in C++, called from Python with an array of orders at a
// time: the same rules, a struct for each order, trades into an array that the caller brings.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

namespace {

constexpr int kTicks = 1024, kOrders = 32768;

struct Order {
  std::int32_t id, side, price, quantity;
};
struct Trade {
  std::int32_t maker, taker, price, quantity;
};

class Engine {
 public:
  // Returns how many trades were written.
  std::size_t process(const Order* orders, std::size_t n, Trade* trades, std::size_t room) {
    Trade* out = trades;
    for (std::size_t i = 0; i < n; ++i) {
      const Order& order = orders[i];
      if (order.id <= 0 || order.id >= kOrders) throw pybind11::value_error("an order's id");
      if (order.quantity == 0) {
        take_back(order.id);
      } else {
        out = match(order, out, trades + room);
      }
    }
    return std::size_t(out - trades);
  }

 private:
  struct Waiting {
    std::int32_t level, left, next, previous;
  };
  struct Level {
    std::int32_t first, last;
  };

  void take_back(int id) {
    Waiting& order = waiting_[id];
    if (order.left > 0) {
      order.left = 0;
      unlink(order);
    }
  }
  void unlink(const Waiting& order) {
    (order.previous ? waiting_[order.previous].next : levels_[order.level].first) = order.next;
    (order.next ? waiting_[order.next].previous : levels_[order.level].last) = order.previous;
  }

  Trade* match(const Order& order, Trade* out, const Trade* end) {
    if (order.price <= 0 || order.price >= kTicks || order.quantity < 0 || order.side < 0 || order.side > 1 ||
        waiting_[order.id].left > 0) {
      throw pybind11::value_error("an order");
    }
    const int other = 1 - order.side;
    const int limit = order.side == 0 ? order.price : kTicks - order.price;
    int left = order.quantity;
    while (left > 0 && best_[other] <= limit) {
      const int maker = levels_[other * kTicks + best_[other]].first;
      if (maker == 0) {
        ++best_[other];
        continue;
      }
      Waiting& waits = waiting_[maker];
      const int traded = std::min(left, waits.left);
      left -= traded;
      waits.left -= traded;
      if (waits.left == 0) unlink(waits);
      if (out == end) throw pybind11::value_error("no room for the trades");
      const int best = best_[other];
      *out++ = {maker, order.id, order.side == 0 ? best : kTicks - best, traded};
    }
    if (left > 0) {
      const int own = kTicks - limit;
      const int level = order.side * kTicks + own;
      const int before = levels_[level].last;
      waiting_[order.id] = {level, left, 0, before};
      levels_[level].last = order.id;
      (before ? waiting_[before].next : levels_[level].first) = order.id;
      best_[order.side] = std::min(best_[order.side], own);
    }
    return out;
  }

  std::array<int, 2> best_{kTicks, kTicks};
  std::array<Level, 2 * kTicks> levels_{};
  std::array<Waiting, kOrders> waiting_{};
};

}  // namespace

PYBIND11_MODULE(engine, module) {
  namespace py = pybind11;
  PYBIND11_NUMPY_DTYPE(Order, id, side, price, quantity);
  PYBIND11_NUMPY_DTYPE(Trade, maker, taker, price, quantity);
  py::class_<Engine>(module, "Engine")
      .def(py::init<>())
      .def("process", [](Engine& engine, const py::array_t<Order>& orders, py::array_t<Trade>& trades) {
        return engine.process(orders.data(), std::size_t(orders.size()), trades.mutable_data(),
                              std::size_t(trades.size()));
      });
}
