// What a token may cost whose signature is good (DESIGN section 4, "What a good token may cost"): each case has its
// most instructions, counted under callgrind.
#include "fixture.hpp"
#include "support/allocations.hpp"
#include "support/counted_cases.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::session {
namespace {

constexpr std::size_t max_login = 3'000'000;
constexpr std::size_t max_login_bytes = std::size_t{4} << 20U;
constexpr std::size_t max_decision = 500'000;
constexpr std::size_t max_explanation = 10 * max_decision;
constexpr std::size_t max_token_bytes = 16384;  // the default

using access::Operation;
using access::Request;

std::string times(std::size_t count, std::string_view text) {
    std::string out;
    while (count-- != 0) out += text;
    return out;
}

std::string repeat_to(std::size_t size, std::string_view word) {
    std::string text = times(size / word.size() + 1, word);
    text.resize(size);
    return text;
}

/// `text` with the number in place of '#'.
std::string numbered(std::string_view text, std::size_t number) {
    std::string out;
    for (const char c : text) out += c == '#' ? std::to_string(number) : std::string(1, c);
    return out;
}

/// A word of `a` and `b` for each number.
std::string ab_word(std::size_t number, std::size_t size = 9) {
    std::string word;
    for (std::size_t bit = 0; bit < size; ++bit) word += (number >> bit & 1U) != 0 ? 'a' : 'b';
    return word;
}

class World {
  public:
    explicit World(const std::string &more) {
        options_ = options_with_log(provider_.config(more), log_);
        renew();
    }
    ~World() { backend->close(); }

    /// A backend that has seen no token yet.
    void renew() {
        if (backend) backend->close();
        backend = make_backend(options_, clock_);
        if (!backend) support::give_up("no backend");
    }

    /// A token of the default size: `json` is one member, or several; its "..." is filled with `part`s, the '#' in
    /// each a number, for as long as the token has room.
    std::string token(std::string_view json, std::string_view part) const {
        const std::size_t hole = json.find("...");
        std::string filling;
        std::string minted = mint(json, hole, filling);
        for (std::size_t number = 0;; ++number) {
            filling += numbered(part, number);
            if (number % 16 != 0) continue;  // to sign each would take long under callgrind
            std::string larger = mint(json, hole, filling);
            if (larger.size() > max_token_bytes) return minted;
            minted = std::move(larger);
        }
    }
    std::string scopes(std::string_view scope) const {
        return token(R"("scope":"...")", std::string(scope) + ' ');
    }
    /// These scopes, or as many of them as fit.
    std::string just(std::vector<std::string> list) const {
        for (;; list.resize(list.size() * 15 / 16)) {
            std::string joined;
            for (const std::string &scope : list) joined += scope + ' ';
            std::string minted = mint("\"scope\":\"" + joined + '"', std::string::npos, {});
            if (minted.size() <= max_token_bytes) return minted;
        }
    }

    std::shared_ptr<Session> log_in(const std::string &token) {
        Context context;
        context.client_id = client_id_;
        context.client_id_bound = true;
        auto result = backend->authenticate(bearer(token), context);
        if (!result) support::give_up("refused: " + result.error().detail);
        return std::move(*result);
    }

    /// Clients may have two lines a second.
    void next_second() { clock_.ms += 1000; }

    std::shared_ptr<Backend> backend;

  private:
    std::string mint(std::string_view json, std::size_t hole, const std::string &filling) const {
        std::string payload = R"({"iss":"https://id.example","aud":"mq","sub":"alice","exp":1800000300,)" +
                              std::string(json) + '}';
        if (hole != std::string::npos) payload.replace(payload.find("..."), 3, filling);
        // EdDSA: the fastest to sign.
        return Provider::sign("EdDSA", support::jws_header("EdDSA", Provider::kid_of("EdDSA")), payload);
    }

    Provider provider_;
    ManualClock clock_;
    std::string log_;
    std::string client_id_ = std::string(1300, '*');  ///< the longest that fits in a scope, encoded
    BackendOptions options_;
};

std::vector<std::string> ab_scopes(std::string_view begin, std::string_view end = "*",
                                   std::size_t count = 480) {
    std::vector<std::string> scopes;
    for (std::size_t i = 0; i < count; ++i)
        scopes.push_back(std::string(begin) + "a" + ab_word(i) + "b" + std::string(end));
    return scopes;
}

Request topic_of(Operation operation, std::string_view topic) {
    Request request{operation, "v", topic, std::nullopt};
    request.mqtt_topic = true;
    return request;
}
Request filter_of(Operation operation, std::string_view filter) {
    Request request{operation, "v", filter, std::nullopt};
    request.mqtt_filter = true;
    return request;
}

void add_logins(World &world, std::vector<support::CountedCase> &cases) {
    struct Row {
        const char *what;
        std::string token;
    };
    const std::string stars = "\"a\":\"" + std::string(255, '*') + "\",";
    const std::vector<Row> rows = {
        {"exact names", world.scopes("read:v/q#")},
        {"short scopes", world.scopes("read:v/#")},
        {"patterns with an inner *", world.scopes("write:*/*b*a#b*")},
        {"a vhost each", world.scopes("write:v#/*")},
        {"a vhost pattern each", world.scopes("write:*v#*/*a*")},
        {"routing keys", world.scopes("write:v/x/k#")},
        {"routing keys under a resource each", world.scopes("write:v/x#/*")},
        {"stars", world.scopes("read:****#**/****")},
        {"percent escapes", world.scopes("read:%61/%62%63#")},
        {"broken escapes", world.scopes("read:%6/%x#")},
        {"tags", world.scopes("tag:t#")},
        {"no scope of ours", world.scopes("openid#")},
        {"four parts", world.scopes("read:a/b/c/d#")},
        {"unknown verbs", world.scopes("publish:a/b#")},
        {"names that begin alike", world.scopes("read:v/" + std::string(30, 'a') + "#")},
        {"prefixes of each other",
         [&] {
             std::vector<std::string> list;
             for (std::size_t i = 0, size = 0; size < 11800; ++i, size += i + 8)
                 list.push_back("read:v/" + std::string(i, 'a') + "*");
             return world.just(list);
         }()},
        {"one long scope", world.just({"read:v/" + std::string(11000, 'a')})},
        {"one long scope of stars", world.just({"read:v/" + times(5500, "a*")})},
        {"spaces", world.token(R"("scope":"...")", "  ")},
        {"an array of scopes", world.token(R"("scope":[...""])", R"("read:v/q#",)")},
        {"small claims", world.token(R"(..."b":1)", R"("#":1,)")},
        {"claims that begin alike", world.token(R"(..."b":1)", R"("aaaaaaaaaaaaaaaa#":1,)")},
        {"an array", world.token(R"("b":[...1])", "1,")},
        {"objects", world.token(R"("b":[...1])", "{},")},
        {"arrays in arrays", world.token(R"("b":[...1])", "[[[[[]]]]],")},
        {"escapes", world.token(R"("b":"...")", R"(\u0061\n)")},
        {"UTF-8", world.token(R"("b":"...")", "\xF0\x9F\x98\x80")},
        {"audiences", world.token(R"("x":[...1])", R"("m#",)")},
        {"entries of resource_access",
         world.token(R"("resource_access":{..."mq":{"roles":["read:v/q"]}})", R"("c#":{"roles":["r"]},)")},
        {"roles", world.token(R"("resource_access":{"mq":{"roles":[..."read:v/q"]}})", R"("read:v/q#",)")},
        {"members of a claim with scopes",
         world.token(R"("extra":{..."mq":"read:v/q"})", R"("c#":"read:v/q#",)")},
        {"locations",
         world.token(R"("authorization_details":[{"type":"t","actions":["read","write"],"locations":[...)"
                     R"("cluster:*"]}])",
                     R"("cluster:mq/queue:q#",)")},
        {"authorization details",
         world.token(R"("authorization_details":[...{"type":"u"}])",
                     R"({"type":"t","actions":["read","write"],"locations":["cluster:mq/queue:q#"]},)")},
        {"actions",
         world.token(R"("authorization_details":[{"type":"t","locations":["cluster:*/queue:q"],"actions":[...)"
                     R"("read"]}])",
                     R"("read#",)")},
        {"UMA permissions",
         world.token(R"("authorization":{"permissions":[...{"scopes":[]}]})", R"({"scopes":["read:v/q#"]},)")},
        {"an alias over and over", world.token(R"("scope":"...")", "all ")},
        {"variables", world.token("\"a\":\"x\",\"scope\":\"...\"", "read:v/" + times(16, "{a}") + "# ")},
        {"variables of stars", world.token(stars + R"("scope":"...")", "read:{a}/{vhost}# ")},
        {"variables of stars, too many",
         world.token(stars + R"("scope":"...")", "read:" + times(32, "{a}") + "/{vhost} ")},
        {"one scope of variables", world.token(stars + R"("scope":"read:.../{vhost}")", "{a}")},
        {"the client identifier", world.scopes("read:v/#{mqtt:client_id}")},
        {"the vhost behind vhosts with wildcards", world.scopes("read:*/*{vhost}*a*{vhost}#")},
        {"the vhost many times", world.scopes("read:*/" + times(60, "{vhost}") + "*#")},
        {"the client identifier and the vhost", world.scopes("read:{mqtt:client_id}/{vhost}#")},
        {"the username", world.scopes("read:v/#{session:username}")},
        {"variables without a claim", world.token(R"("scope":"...")", "read:{a#}/{b#} ")},
        {"many variables, many claims", world.token("\"x\":\"x\"," +
                                                        times(1,
                                                              [] {
                                                                  std::string claims;
                                                                  for (std::size_t i = 0; i < 500; ++i)
                                                                      claims += numbered("\"#\":\"x\",", i);
                                                                  return claims;
                                                              }()) +
                                                        R"("scope":"...")",
                                                    "read:v/{1}{7}{300}{499}{x} ")},
    };
    for (const Row &row : rows) {
        cases.push_back({std::string("login: ") + row.what, max_login,
                         [&world, token = row.token] { (void)world.log_in(token); },
                         [&world] { world.renew(); }});
        cases.push_back({std::string("inspect: ") + row.what, max_explanation, [&world, token = row.token] {
                             if (!Backend::inspect(world.backend.get(), token)) support::give_up("inspect");
                         }});
    }
}

void add_decisions(World &world, std::vector<support::CountedCase> &cases) {
    static const std::string abba = repeat_to(65535, "abba");
    static const std::string all_b(65535, 'b');
    static const std::string levels = repeat_to(65535, "/a");
    static const std::string wildcards = repeat_to(65535, "+/");
    static const std::string short_wildcards = repeat_to(16383, "+/");
    static const std::string name = repeat_to(255, "ab");
    std::vector<std::string> vhosts;
    for (const std::string &scope : ab_scopes("write:*b*", "*", 50)) {
        for (std::size_t i = 0; i < 8; ++i) vhosts.push_back(scope + "/*a*" + std::to_string(i) + "*");
    }
    struct Row {
        const char *what;
        std::vector<std::string> scopes;
        Request request;
    };
    const std::vector<Row> rows = {
        {"a topic", ab_scopes("write:*/*b*"), topic_of(Operation::write, abba)},
        {"a name", ab_scopes("write:*/*b*"), {Operation::write, "v", abba, std::nullopt}},
        {"one byte over and over", ab_scopes("write:*/*bbbb"), {Operation::write, "v", all_b, std::nullopt}},
        {"levels", ab_scopes("write:*/*%2Fa%2Fa", "*", 420), {Operation::write, "v", levels, std::nullopt}},
        {"a name of AMQP", ab_scopes("write:*/*b*"), {Operation::write, "v", name, std::nullopt}},
        {"a name of AMQP with prefixes",
         ab_scopes("write:*/ab*b*"),
         {Operation::write, "v", name, std::nullopt}},
        {"a filter", ab_scopes("read:*/*%2B*"), filter_of(Operation::read, wildcards)},
        {"a shorter filter", ab_scopes("read:*/*%2B*"), filter_of(Operation::read, short_wildcards)},
        {"a filter and patterns of slashes", ab_scopes("read:*/*%2F*%2F*"),
         filter_of(Operation::read, short_wildcards)},
        {"a vhost", ab_scopes("write:*b*", "*/q"), {Operation::write, abba, "q", std::nullopt}},
        {"vhosts with resources", vhosts, {Operation::write, name, abba, std::nullopt}},
        {"another operation", ab_scopes("read:*/*b*"), {Operation::write, "v", abba, std::nullopt}},
        {"a routing key", ab_scopes("write:*/*/*b*"), {Operation::write, "v", "x", abba}},
        {"resources and routing keys",
         ab_scopes("write:*/*a*", "*/*b*", 400),
         {Operation::write, "v", abba, abba}},
        {"literals of one byte",
         [] {
             std::vector<std::string> scopes;
             for (std::size_t i = 0; i < 420; ++i)
                 scopes.push_back("write:*/" + times(7, "*b") + "*" + ab_word(i) + "*x*");
             return scopes;
         }(),
         {Operation::write, "v", abba, std::nullopt}},
        {"{vhost} and stars",
         [] {
             std::vector<std::string> scopes;
             for (std::size_t i = 0; i < 420; ++i) scopes.push_back(numbered("write:*/*b*{vhost}*#", i));
             return scopes;
         }(),
         {Operation::write, "ab", abba, std::nullopt}},
        {"{vhost} and long vhosts",
         [] {
             std::vector<std::string> scopes;
             for (std::size_t i = 0; i < 420; ++i) scopes.push_back(numbered("write:*b*a*/{vhost}#", i));
             return scopes;
         }(),
         {Operation::write, abba, abba, std::nullopt}},
        {"one pattern of many literals",
         {"write:*/" + times(5800, "*b") + "*c*"},
         {Operation::write, "v", abba, std::nullopt}},
        {"prefixes of each other",
         [] {
             std::vector<std::string> scopes;
             for (std::size_t i = 0; i < 140; ++i) scopes.push_back("write:v/" + std::string(i, 'b') + "*c*");
             return scopes;
         }(),
         {Operation::write, "v", all_b, std::nullopt}},
        {"exact names",
         [] {
             std::vector<std::string> scopes;
             for (std::size_t i = 0; i < 800; ++i) scopes.push_back(numbered("write:v/#", i));
             return scopes;
         }(),
         {Operation::write, "v", abba, std::nullopt}},
    };
    for (const Row &row : rows) {
        const std::shared_ptr<Session> session = world.log_in(world.just(row.scopes));
        cases.push_back({std::string("authorize: ") + row.what, max_decision,
                         [session, request = row.request] { (void)session->authorize(request); }});
        cases.push_back({std::string("explain: ") + row.what, max_explanation,
                         [session, request = row.request] { (void)session->explain(request); }});
        cases.push_back({std::string("report_denial: ") + row.what, max_explanation,
                         [&world, session, request = row.request] {
                             world.next_second();
                             world.backend->report_denial(*session, request, Session::Until::end, {});
                         }});
    }
}

int run() {
    World world(
        R"(,"scope_prefix":"","token_cache_size":0,"expand_variables":true,"expand_connection":true,"resource_server_type":"t",)"
        R"("additional_scopes_keys":["extra","other.path"],"scope_aliases":{"all":")" +
        [] {
            std::string scopes;
            for (std::size_t i = 0; i < 100; ++i) scopes += numbered("read:v/q# ", i);
            return scopes;
        }() +
        R"("})");
    std::vector<support::CountedCase> cases;
    add_logins(world, cases);
    add_decisions(world, cases);
    for (const support::CountedCase &one : cases) {
        one.prepare();
        if (const std::size_t bytes = support::most_bytes(one.body); bytes > max_login_bytes)
            support::give_up(one.name + ": " + std::to_string(bytes) + " bytes");
    }
    return support::run_counted_cases(cases);
}

}  // namespace
}  // namespace tokenward::session

int main() {
    return tokenward::session::run();
}
