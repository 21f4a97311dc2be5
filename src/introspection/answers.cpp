#include "introspection/answers.hpp"

#include <utility>

namespace tokenward::introspection {

std::size_t Answers::bytes_of(const Answer &answer) noexcept {
    constexpr std::size_t beside = 256;  // of the list, the tree and the answer itself
    return answer.content.size() + answer.problem.size() + answer.hint.size() + beside;
}

AnswerRef Answers::find(const jose::Sha256Digest &token, std::int64_t now) {
    const auto at = by_token_.find(token);
    if (at == by_token_.end()) return nullptr;
    if (now >= at->second->answer->good_until) {
        erase(at);
        return nullptr;
    }
    entries_.splice(entries_.begin(), entries_, at->second);
    return entries_.front().answer;
}

void Answers::put(const jose::Sha256Digest &token, AnswerRef answer) {
    if (const auto at = by_token_.find(token); at != by_token_.end()) erase(at);
    entries_.push_front({token, std::move(answer)});
    try {
        by_token_.emplace(token, entries_.begin());
    } catch (...) {
        entries_.pop_front();
        throw;
    }
    bytes_ += bytes_of(*entries_.front().answer);
    while (by_token_.size() > most_ || (bytes_ > most_bytes_ && by_token_.size() > 1))
        erase(by_token_.find(entries_.back().token));
}

void Answers::erase(const jose::Sha256Digest &token) noexcept {
    if (const auto at = by_token_.find(token); at != by_token_.end()) erase(at);
}

void Answers::erase(Index::iterator at) noexcept {
    bytes_ -= bytes_of(*at->second->answer);
    entries_.erase(at->second);
    by_token_.erase(at);
}

}  // namespace tokenward::introspection
