// Remembers which topics clients may publish and receive, so that a publish needs neither the session nor the library.
//
// A broker asks in much the same order again and again: for the topics that a client publishes in turn, and for the
// subscribers of a topic. So each row knows the one that was asked for after it, and a hit is mostly one comparison;
// `tests/bench/run.sh --instructions` shows what that buys.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string_view>

namespace tokenward::mosquitto_plugin {

/// The broker's client pointer. It is compared, never followed.
using ClientKey = const void *;

/// Holds nothing but yes, and for a client only until forget(client): whatever may change a right must call it. Not
/// thread-safe: one broker thread.
class GrantCache {
  public:
    /// Before this it holds nothing: a broker must tick, so that the end of a token is seen.
    void start() {
        if (rows_ != nullptr) return;
        rows_ = std::make_unique<Row[]>(row_count);
        last_ = rows_.get();
    }

    struct Question {
        Question(ClientKey asking, int wanted, std::string_view name)
            : client(asking),
              access(wanted),
              topic(name),
              // The factor spreads neighbours, as clients in memory are.
              hash(std::hash<std::string_view>()(name) +
                   (reinterpret_cast<std::uintptr_t>(asking) / 16 + static_cast<unsigned>(wanted)) *
                       std::size_t{0x9E3779B9}) {}
        ClientKey client;
        int access;
        std::string_view topic;
        std::size_t hash;
    };

    /// Whether this is held, and followed the last question when that was asked before. topic: ends with a NUL.
    [[nodiscard]] bool holds_next(ClientKey client, int access, const char *topic) {
        Row *row = last_->next;
        if (row->client != client || row->access != access || std::strcmp(row->topic, topic) != 0) return false;
        last_ = row;
        return true;
    }

    [[nodiscard]] bool holds(const Question &question) {
        if (rows_ == nullptr) return false;
        for (std::size_t step = 0; step < steps; ++step) {
            Row &row = rows_[(question.hash + step) % row_count];
            if (row.hash != question.hash || row.client != question.client || row.access != question.access ||
                row.topic != question.topic)
                continue;
            come_to(row);
            return true;
        }
        return false;
    }

    /// A long topic isn't kept.
    void put(const Question &question) {
        if (rows_ == nullptr || question.topic.size() >= sizeof(Row::topic)) return;
        Row &row = row_for(question.hash);
        unlink(row);
        row.client = question.client;
        row.hash = question.hash;
        row.access = question.access;
        row.topic[question.topic.copy(row.topic, sizeof(Row::topic) - 1)] = '\0';
        link(row);
        come_to(row);
    }

    /// Clients that share a list are forgotten together.
    void forget(ClientKey client) { forget_list(lists_[list_of(client)]); }

    void clear() {
        for (Row *&list : lists_) forget_list(list);
    }

  private:
    static constexpr char nobody = 0;
    struct Row {
        ClientKey client = &nobody;  ///< &nobody: none
        Row *next = this;            ///< what was asked for after it
        Row *before = nullptr;       ///< in the client's list
        Row *behind = nullptr;
        std::size_t hash = 0;
        int access = 0;
        char topic[84] = "";
    };
    static constexpr std::size_t row_count = 8192;  // 1 MiB
    static constexpr std::size_t steps = 4;
    static constexpr std::size_t list_count = 1024;

    static std::size_t list_of(ClientKey client) {
        return reinterpret_cast<std::uintptr_t>(client) / 64 % list_count;
    }

    static void forget_list(Row *&list) {
        for (Row *row = list; row != nullptr; row = row->behind) row->client = &nobody;
        list = nullptr;
    }

    void link(Row &row) {
        Row *&list = lists_[list_of(row.client)];
        row.before = nullptr;
        row.behind = list;
        if (list != nullptr) list->before = &row;
        list = &row;
    }

    void unlink(const Row &row) {
        if (row.client == &nobody) return;
        if (row.behind != nullptr) row.behind->before = row.before;
        (row.before != nullptr ? row.before->behind : lists_[list_of(row.client)]) = row.behind;
    }

    void come_to(Row &row) {
        last_->next = &row;
        last_ = &row;
    }

    /// One that is free, else the first that would do.
    [[nodiscard]] Row &row_for(std::size_t hash) const {
        for (std::size_t step = 0; step < steps; ++step) {
            Row &row = rows_[(hash + step) % row_count];
            if (row.client == &nobody) return row;
        }
        return rows_[hash % row_count];
    }

    std::array<Row *, list_count> lists_{};
    std::unique_ptr<Row[]> rows_;
    Row none_;
    Row *last_ = &none_;
};

}  // namespace tokenward::mosquitto_plugin
