// tokenward check: makes the calls that a broker makes, and says the reasons.
#include "certificate.hpp"
#include "commands.hpp"
#include "explanation.hpp"
#include "json.hpp"
#include "json_writer.hpp"
#include "names.hpp"
#include "output.hpp"
#include "read_only_config.hpp"
#include "token_source.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace tokenward::cli {
namespace {

struct Answer {
    std::string question;
    std::int32_t verdict;
    Explanation why;
};

const char *verdict_name(std::int32_t verdict) {
    switch (verdict) {
        case TOKENWARD_ALLOWED:
            return "allowed";
        case TOKENWARD_EXPIRED:
            return "expired";
        case TOKENWARD_DENIED:
            return "denied";
        default:
            return "error";
    }
}

const char *result_name(std::int32_t result) {
    switch (result) {
        case TOKENWARD_OK:
            return "accepted";
        case TOKENWARD_TRY_AGAIN:
            return "try_again";
        case TOKENWARD_REFUSED:
            return "refused";
        case TOKENWARD_NOT_A_TOKEN:
            return "not_a_token";
        default:
            return "error";
    }
}

struct SessionFacts {
    std::string username;
    std::string issuer;
    std::string tags;
    std::int64_t expires_at = 0;
    std::vector<std::string> rights;  ///< scopes without their prefix
    std::vector<std::string> notes;   ///< scopes that don't count as written
};

void append_list(const rapidjson::Document &document, const char *name, std::vector<std::string> &out) {
    const rapidjson::Value &list = member(document, name);
    if (!list.IsArray()) return;
    for (const rapidjson::Value &item : list.GetArray()) out.emplace_back(string_of(item));
}

/// Of a token that was accepted: what it says is believed.
void read_scopes(const Host &host, const Token &token, SessionFacts &facts) {
    std::string text;
    host::Error error;
    const std::int32_t result = host::read_text(text, [&](char *buffer, std::size_t size, std::size_t *length) {
        return host.library()->inspect(host.backend().get(), token.text.data(), token.text.size(), buffer, size,
                                       length, &error);
    });
    const auto document = result == TOKENWARD_OK ? parse_object(text) : std::nullopt;
    if (!document) return;
    append_list(*document, "permissions", facts.rights);
    std::erase_if(facts.rights, [](const std::string &scope) { return scope.starts_with("tag:"); });
    append_list(*document, "notes", facts.notes);
}

/// A broker's clients mostly send the token as a password.
bool counts_as_password(const Host &host, const Token &token, const tokenward_context &context) {
    tokenward_credentials credentials = TOKENWARD_CREDENTIALS_INIT;
    credentials.kind = TOKENWARD_USERNAME_PASSWORD;
    credentials.password = host::borrow(token.text);
    host::Error error;
    host::Session session;
    return host.backend().authenticate(credentials, &context, session, error) != TOKENWARD_NOT_A_TOKEN;
}

bool is_of_mqtt(const tokenward_request &request) {
    return (request.flags & (TOKENWARD_MQTT_TOPIC | TOKENWARD_MQTT_FILTER)) != 0;
}

SessionFacts facts_of(const Host &host, const Token &token, const host::Session &session) {
    SessionFacts facts{std::string(session.username()),
                       std::string(session.issuer()),
                       session.tags(),
                       session.expires_at(),
                       {},
                       {}};
    read_scopes(host, token, facts);
    return facts;
}

void say_refusal(const Host &host, std::int32_t result, const tokenward_error &error) {
    const char *headline = result == TOKENWARD_TRY_AGAIN ? "NOT DECIDED" : "REFUSED";
    say(std::string(headline) + "  " + host.library()->reason_name(error.reason));
    say(std::string("  why:  ") + error.message);
    if (error.hint[0] != '\0') say(std::string("  hint: ") + error.hint);
}

/// A topic without a vhost in front is the commonest mistake: its first level is read as the vhost then, and to grant that
/// would help nobody.
void suggest_vhost(const Question &question, Answer &answer) {
    if (answer.why.reason != "NO_VHOST_ACCESS" || question.vhost == "/" || question.routing_key) return;
    Question meant = question;
    meant.resource = question.vhost + "/" + question.resource;
    meant.vhost = "/";
    answer.why.hint = common::quoted(question.vhost) + " is read as the vhost; of the vhost / the topic " +
                      common::quoted(meant.resource) + " is " + meant.name();
}

void say_facts(const SessionFacts &facts) {
    say("ACCEPTED  " + for_terminal(facts.username));
    say("  issuer:  " + for_terminal(facts.issuer));
    const std::int64_t now = std::time(nullptr);
    if (facts.expires_at == std::numeric_limits<std::int64_t>::max()) {
        say("  expires: never");
    } else {
        say("  expires: " + utc_time(facts.expires_at) + ", in " +
            duration(facts.expires_at > now ? facts.expires_at - now : 0) + " (clock_skew included)");
    }
    say("  tags:    " + (facts.tags.empty() ? std::string("none") : facts.tags));
    constexpr std::size_t most_shown = 20;
    if (facts.rights.empty()) say("  may:     nothing");
    for (std::size_t i = 0; i < std::min(facts.rights.size(), most_shown); ++i)
        say((i == 0 ? "  may:     " : "           ") + for_terminal(facts.rights[i]));
    if (facts.rights.size() > most_shown)
        say("           and " + std::to_string(facts.rights.size() - most_shown) +
            " more (--json lists them all)");
    for (const std::string &note : facts.notes) say("  note:    " + for_terminal(note));
}

void say_answer(const Answer &answer) {
    if (answer.verdict == TOKENWARD_ALLOWED) {
        say("ALLOWED   " + answer.question);
        if (!answer.why.scope.empty()) say("  by:      " + for_terminal(answer.why.scope));
        return;
    }
    say((answer.verdict == TOKENWARD_DENIED    ? "DENIED    "
         : answer.verdict == TOKENWARD_EXPIRED ? "EXPIRED   "
                                               : "ERROR     ") +
        answer.question);
    if (!answer.why.reason.empty()) say("  reason:  " + answer.why.reason);
    if (!answer.why.nearest.empty()) say("  nearest: " + for_terminal(answer.why.nearest));
    if (!answer.why.why.empty()) say("  but:     " + for_terminal(answer.why.why));
    if (!answer.why.hint.empty()) say("  hint:    " + for_terminal(answer.why.hint));
}

std::string json_of(const Host &host, std::int32_t result, const tokenward_error &error,
                    const SessionFacts &facts, const std::vector<Answer> &answers, ExitCode code) {
    JsonWriter json;
    json.boolean("accepted", result == TOKENWARD_OK).text("result", result_name(result));
    if (result == TOKENWARD_OK) {
        json.text("username", facts.username).text("issuer", facts.issuer);
        if (facts.expires_at == std::numeric_limits<std::int64_t>::max()) {
            json.null("expires_at").null("expires");
        } else {
            json.number("expires_at", facts.expires_at).text("expires", rfc3339(facts.expires_at));
        }
        json.begin_array("tags");
        for (std::string_view rest = facts.tags; !rest.empty();) {
            const std::size_t comma = rest.find(',');
            json.string(rest.substr(0, comma));
            rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        }
        json.end_array();
        json.begin_array("permissions");
        for (const std::string &scope : facts.rights) json.string(scope);
        json.end_array();
        json.begin_array("notes");
        for (const std::string &note : facts.notes) json.string(note);
        json.end_array();
    } else {
        json.text("reason", host.library()->reason_name(error.reason))
            .number("code", error.reason)
            .text("message", error.message)
            .text_or_null("hint", error.hint);
    }
    json.begin_array("questions");
    for (const Answer &answer : answers) {
        json.begin_object();
        json.text("question", answer.question)
            .text("verdict", verdict_name(answer.verdict))
            .text_or_null("scope", answer.why.scope)
            .text_or_null("nearest", answer.why.nearest)
            .text_or_null("why", answer.why.why)
            .text_or_null("reason", answer.why.reason)
            .text_or_null("hint", answer.why.hint);
        json.end_object();
    }
    json.end_array();
    json.number("exit", code);
    return json.finish();
}

}  // namespace

ExitCode exit_code_of(std::int32_t result) {
    switch (result) {
        case TOKENWARD_OK:
            return exit_yes;
        case TOKENWARD_TRY_AGAIN:
            return exit_no_keys;
        case TOKENWARD_REFUSED:
        case TOKENWARD_NOT_A_TOKEN:
            return exit_no;
        default:
            return exit_usage;
    }
}

ExitCode check(const CommonOptions &common, const CheckOptions &options) {
    const auto source = read_token(options.token_file);
    const Token *token = std::get_if<Token>(&source);
    if (token == nullptr) {
        (void)std::fprintf(stderr, "tokenward: %s\n", std::get<std::string>(source).c_str());
        return exit_usage;
    }
    Host host(common);
    if (!host.load()) return exit_usage;
    host.wait_for_keys(false);  // the login waits for its own
    std::string overrides;
    if (!read_only_overrides(host, options.mqtt, overrides) || !host.create(overrides)) {
        report(host, common, host.error(), exit_usage);
        return exit_usage;
    }

    tokenward_credentials credentials = TOKENWARD_CREDENTIALS_INIT;
    credentials.kind = TOKENWARD_BEARER_TOKEN;
    credentials.data = host::borrow(token->text);
    tokenward_context context = TOKENWARD_CONTEXT_INIT;
    context.protocol = host::borrow("cli");
    std::optional<CertificateHash> certificate;
    if (!options.certificate.empty()) {
        certificate = certificate_hash(options.certificate);
        if (!certificate) {
            (void)std::fprintf(stderr, "tokenward: %s: no certificate in PEM form can be read there\n",
                               for_terminal(options.certificate).c_str());
            return exit_usage;
        }
        context.client_certificate_sha256 = {reinterpret_cast<const char *>(certificate->data()),
                                             certificate->size()};
    }
    if (!options.client_id.empty()) {
        context.client_id = host::borrow(options.client_id);
        context.flags |= TOKENWARD_CLIENT_ID_BOUND;
    }
    host::Error error;
    host::Session session;
    host.mute(true);  // what its audit line says is printed below
    const std::int32_t result = host.backend().authenticate(credentials, &context, session, error);
    const bool is_password = result != TOKENWARD_OK || counts_as_password(host, *token, context);
    host.mute(false);

    ExitCode code = exit_code_of(result);
    SessionFacts facts;
    std::vector<Answer> answers;
    if (result == TOKENWARD_OK) {
        facts = facts_of(host, *token, session);
        if (!is_password)
            facts.notes.emplace_back(
                "as a password (MQTT, SASL PLAIN, HTTP Basic) this token is left to other backends: its "
                "beginning isn't "
                "opaque_token_prefix");
        for (const Question &question : options.questions) {
            tokenward_request request = question.request();
            // For an MQTT broker a name is a topic: one that begins with '$' needs a pattern that begins with
            // '$'. It has no key: nothing there grants a question with one.
            if (options.mqtt && request.flags == 0) request.flags = TOKENWARD_MQTT_TOPIC;
            Answer answer{question.spelling(), session.authorize(request), {}};
            answer.why = explain(session, request);
            if (is_of_mqtt(request)) suggest_vhost(question, answer);
            if (answer.verdict != TOKENWARD_ALLOWED) code = exit_no;
            answers.push_back(std::move(answer));
        }
    }

    if (common.json) {
        say(json_of(host, result, error, facts, answers, code));
        return code;
    }
    if (result != TOKENWARD_OK) {
        say_refusal(host, result, error);
    } else {
        say_facts(facts);
        for (const Answer &answer : answers) say_answer(answer);
    }
    return code;
}

}  // namespace tokenward::cli
