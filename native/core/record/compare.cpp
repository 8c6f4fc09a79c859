#include "core/record/compare.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "core/error.h"

namespace ringway {
namespace {

using Id = std::string;  // 16 bytes

Id id_of(const u32 (&id)[4]) {
  return {reinterpret_cast<const char*>(id), sizeof(id)};
}

bool same(std::span<const u8> a, std::span<const u8> b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

bool same_message(const Record& a, const Record& b) {
  const Envelope mine = a.envelope();
  const Envelope other = b.envelope();
  return mine.type_id == other.type_id && mine.flags == other.flags && same(a.body(), b.body());
}

bool same_letter(const Record& a, const Record& b) {
  return a.head.detail == b.head.detail && a.text() == b.text() && same(a.body(), b.body());
}

// By which messages without a question of their own are told apart.
std::string content_of(const Record& record) {
  const auto body = record.body();
  const u32 type = record.envelope().type_id;
  std::string content(reinterpret_cast<const char*>(&type), sizeof(type));
  content.push_back(char(record.head.detail));
  content.append(body.begin(), body.end());
  return content;
}

class Comparer {
 public:
  Comparer(const History& recorded, const History& replayed, const Played& played)
      : recorded_(recorded), replayed_(replayed), played_(played) {}

  Comparison compare() {
    match_inputs();
    for (const auto& [number, kernel] : recorded_.kernels()) compare_kernel(number, kernel);
    for (const auto& [number, queue] : recorded_.queues()) compare_queue(number, queue);
    return std::move(result_);
  }

 private:
  enum : u32 { kNotFed = ~0U };

  Record mine(std::size_t i) const { return recorded_.recording()[i]; }
  Record other(std::size_t i) const { return replayed_.recording()[i]; }
  ComparedPart& part() { return result_.parts.back(); }

  void found(Finding finding, const char* what, std::size_t recorded, std::size_t replayed) {
    u64& count = finding == Finding::kDifferent ? part().different
                 : finding == Finding::kMissing ? part().missing
                                                : part().extra;
    ++count;
    u64& kept = kept_[u32(finding)];
    if (finding != Finding::kDifferent && kept >= Comparison::kKept) return;
    ++kept;
    result_.differences.push_back({finding, what, part().name, result_.parts.size() - 1, recorded, replayed});
  }

  void pair(const char* what, std::size_t recorded, std::size_t replayed, bool equal) {
    equal ? void(++part().equal) : found(Finding::kDifferent, what, recorded, replayed);
  }

  // One thread put the inputs in, so that they were recorded in that order.
  void match_inputs() {
    twin_.assign(recorded_.inputs().size(), kNotFed);
    if (replayed_.inputs().size() != played_.fed.size()) {
      throw Error(ErrorKind::kRecording, "the replay put in " + std::to_string(played_.fed.size()) +
                                             " messages, its own recording has " +
                                             std::to_string(replayed_.inputs().size()));
    }
    for (u32 i = 0; i < played_.fed.size(); ++i) twin_[played_.fed[i]] = i;
  }

  void compare_kernel(u32 number, const RecordedKernel& kernel) {
    ComparedPart& made = result_.parts.emplace_back();
    made.name = kernel.spec.name;
    made.type = kernel.spec.kernel;
    made.unordered = kernel.unordered;
    made.earlier = kernel.earlier;
    made.entered = kernel.inputs.size();
    made.dropped = kernel.dropped;
    made.unasked = kernel.unasked;
    const auto refusal = played_.refusals.find(number);
    if (refusal != played_.refusals.end()) made.refusal = refusal->second;
    const auto twin = played_.kernels.find(number);
    static const RecordedKernel none{};
    const RecordedKernel& again = twin == played_.kernels.end() ? none : replayed_.kernels().at(twin->second);
    const bool failed_alike = compare_failures(kernel, again);
    for (const u32 input : kernel.inputs)
      compare_input(kernel, recorded_.inputs()[input], twin_[input], failed_alike);
    compare_sent(kernel, again);
    compare_letters(kernel, again);
  }

  bool compare_failures(const RecordedKernel& kernel, const RecordedKernel& again) {
    if (kernel.failed_at == kNoRecord && again.failed_at == kNoRecord) return false;
    if (kernel.failed_at == kNoRecord) {
      found(Finding::kExtra, "failure", kNoRecord, again.failed_at);
      return false;
    }
    ++part().out;
    if (again.failed_at == kNoRecord) {
      found(Finding::kMissing, "failure", kernel.failed_at, kNoRecord);
      return false;
    }
    const bool alike = same(mine(kernel.failed_at).data, other(again.failed_at).data);
    pair("failure", kernel.failed_at, again.failed_at, alike);
    return alike;
  }

  void compare_input(const RecordedKernel& kernel, const RecordedInput& input, u32 twin, bool failed_alike) {
    if (input.withheld) {
      ++part().withheld;
      return;
    }
    const std::size_t answer = input.asks ? input.answer : kNoRecord;
    const std::size_t letter = input.asks ? kNoRecord : input.letter;
    const char* const what = input.asks ? "answer" : "dead letter";
    const std::size_t outcome = input.asks ? answer : letter;
    if (outcome != kNoRecord) ++part().out;
    if (twin == kNotFed) {
      ++part().refused;
      if (outcome == kNoRecord) return;
      // Too late for a kernel that failed: in the recorded run it was in the mailbox then, and shared its fate.
      failed_alike&& input.letter != kNoRecord ? void(++part().equal)
                                               : found(Finding::kMissing, what, outcome, kNoRecord);
      return;
    }
    const RecordedInput& again = replayed_.inputs()[twin];
    const std::size_t now = input.asks ? again.answer : again.letter;
    if (outcome != kNoRecord && now != kNoRecord) {
      const bool equal =
          input.asks ? same_message(mine(outcome), other(now)) : same_letter(mine(outcome), other(now));
      pair(what, outcome, now, equal);
    } else if (outcome != kNoRecord) {
      found(Finding::kMissing, what, outcome, kNoRecord);
    } else if (now != kNoRecord) {
      // Nobody waited for the answer any more, or the recording ended, perhaps while a failure discarded the input.
      kernel.settled && !input.asks && kernel.failed_at == kNoRecord
          ? found(Finding::kExtra, what, kNoRecord, now)
          : void(++part().beyond);
    }
  }

  void compare_sent(const RecordedKernel& kernel, const RecordedKernel& again) {
    struct Asked {
      std::vector<std::size_t> sent;  // places in kernel.sent
      std::size_t next = 0;
      bool known = false;
    };
    std::unordered_map<Id, Asked> by_question;
    const Id none(sizeof(Envelope::correlation_id), '\0');
    std::vector<std::size_t> plain, plain_again;  // places
    for (std::size_t i = 0; i < kernel.sent.size(); ++i) {
      const Id id = id_of(mine(kernel.sent[i]).envelope().correlation_id);
      id == none ? plain.push_back(i) : by_question[id].sent.push_back(i);
    }
    if (!by_question.empty()) {
      for (const u32 input : kernel.inputs) {
        const auto asked =
            by_question.find(id_of(mine(recorded_.inputs()[input].record).envelope().message_id));
        if (asked != by_question.end()) asked->second.known = true;
      }
    }
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < again.sent.size(); ++i) {
      const Id id = id_of(other(again.sent[i]).envelope().correlation_id);
      if (id == none) {
        plain_again.push_back(i);
        continue;
      }
      const auto asked = by_question.find(id);
      if (asked == by_question.end() || asked->second.next == asked->second.sent.size()) {
        only_now("message", again.sent[i], kernel.settled || asked != by_question.end());
        continue;
      }
      const std::size_t place = asked->second.sent[asked->second.next++];
      compare_message(kernel.sent[place], again.sent[i]);
      order.push_back(place);
    }
    for (const auto& [id, asked] : by_question) {
      for (std::size_t i = asked.next; i < asked.sent.size(); ++i)
        only_then(asked.known, kernel.sent[asked.sent[i]]);
    }
    if (kernel.ordered) {
      std::size_t latest = 0;
      for (const std::size_t place : order) {
        part().reordered += place < latest;
        latest = std::max(latest, place);
      }
      for (std::size_t i = 0; i < std::max(plain.size(), plain_again.size()); ++i) {
        if (i >= plain.size()) {
          only_now("message", again.sent[plain_again[i]], kernel.settled);
        } else if (i >= plain_again.size()) {
          only_then(kernel.clean, kernel.sent[plain[i]]);
        } else {
          compare_message(kernel.sent[plain[i]], again.sent[plain_again[i]]);
        }
      }
      return;
    }
    std::vector<std::size_t> then, now;
    for (const std::size_t place : plain) then.push_back(kernel.sent[place]);
    for (const std::size_t place : plain_again) now.push_back(again.sent[place]);
    compare_multisets(kernel, then, now, "message", kernel.clean);
  }

  void compare_message(std::size_t then, std::size_t now) {
    ++part().out;
    pair("message", then, now, same_message(mine(then), other(now)));
  }

  void only_then(bool asked, std::size_t record) {
    if (!asked) {
      ++part().unasked;
      return;
    }
    ++part().out;
    found(Finding::kMissing, "message", record, kNoRecord);
  }

  void only_now(const char* what, std::size_t record, bool settled) {
    settled ? found(Finding::kExtra, what, kNoRecord, record) : void(++part().beyond);
  }

  // What is left when equal ones are taken away is paired in the order of its content.
  void compare_multisets(const RecordedKernel& kernel, const std::vector<std::size_t>& then,
                         const std::vector<std::size_t>& now, const char* what, bool asked) {
    using Item = std::pair<std::string, std::size_t>;
    std::vector<Item> mine_sorted, other_sorted, mine_left, other_left;
    for (const std::size_t i : then) mine_sorted.emplace_back(content_of(mine(i)), i);
    for (const std::size_t i : now) other_sorted.emplace_back(content_of(other(i)), i);
    std::sort(mine_sorted.begin(), mine_sorted.end());
    std::sort(other_sorted.begin(), other_sorted.end());
    std::size_t i = 0, j = 0;
    while (i < mine_sorted.size() || j < other_sorted.size()) {
      const int order = i == mine_sorted.size()    ? 1
                        : j == other_sorted.size() ? -1
                                                   : mine_sorted[i].first.compare(other_sorted[j].first);
      if (order == 0) {
        ++part().out;
        ++part().equal;
      }
      if (order < 0) mine_left.push_back(mine_sorted[i]);
      if (order > 0) other_left.push_back(other_sorted[j]);
      i += order <= 0;
      j += order >= 0;
    }
    const std::size_t pairs = std::min(mine_left.size(), other_left.size());
    for (std::size_t k = 0; k < pairs; ++k) {
      ++part().out;
      found(Finding::kDifferent, what, mine_left[k].second, other_left[k].second);
    }
    for (std::size_t k = pairs; k < mine_left.size(); ++k) only_then(asked, mine_left[k].second);
    for (std::size_t k = pairs; k < other_left.size(); ++k)
      only_now(what, other_left[k].second, kernel.settled);
  }

  void compare_letters(const RecordedKernel& kernel, const RecordedKernel& again) {
    auto lasting = [](const RecordedKernel& of, const History& history) {
      std::vector<std::size_t> all;
      for (const std::size_t i : of.letters) {
        const u32 reason = history.recording()[i].head.detail & ~u32(kBareLetter);
        if (reason != u32(LetterReason::kTerminated))
          all.push_back(i);  // what a kernel's end leaves lies in time
      }
      return all;
    };
    compare_multisets(kernel, lasting(kernel, recorded_), lasting(again, replayed_), "dead letter",
                      kernel.clean);
  }

  void compare_queue(u32 number, const RecordedQueue& queue) {
    ComparedPart& made = result_.parts.emplace_back();
    made.name = queue.options.name;
    made.type = "queue";
    made.queue = true;
    made.earlier = queue.earlier;
    made.entered = queue.in.size();
    made.dropped = made.withheld = queue.dropped.size();
    const auto fed = played_.fed_to_queues.find(number);
    const auto twin = played_.queues.find(number);
    std::unordered_map<u64, std::size_t> now;  // by the recorded ticket
    if (fed != played_.fed_to_queues.end() && twin != played_.queues.end()) {
      const RecordedQueue& again = replayed_.queues().at(twin->second);
      std::unordered_map<u64, std::size_t> by_ticket(again.out.begin(), again.out.end());
      for (std::size_t k = 0; k < std::min(fed->second.size(), again.in.size()); ++k) {
        const auto out = by_ticket.find(again.in[k].first);
        now[fed->second[k]] = out == by_ticket.end() ? kNoRecord : out->second;
      }
    }
    std::unordered_map<u64, std::size_t> entered(queue.in.begin(), queue.in.end());
    std::size_t received = 0;
    for (const auto& [ticket, record] : queue.out) {
      if (!entered.count(ticket)) {
        ++made.unasked;
        continue;
      }
      ++made.out;
      const auto out = now.find(ticket);
      if (out == now.end() || out->second == kNoRecord) {
        found(Finding::kMissing, "queue", record, kNoRecord);
        continue;
      }
      ++received;
      pair("queue", record, out->second, same(mine(record).data, other(out->second).data));
    }
    const auto all =
        std::count_if(now.begin(), now.end(), [](const auto& out) { return out.second != kNoRecord; });
    made.beyond = u64(all) - received;
  }

  const History& recorded_;
  const History& replayed_;
  const Played& played_;
  std::vector<u32> twin_;  // by recorded input: its number in the replay
  Comparison result_;
  u64 kept_[3] = {};
};

}  // namespace

Comparison compare(const History& recorded, const History& replayed, const Played& played) {
  return Comparer(recorded, replayed, played).compare();
}

}  // namespace ringway
