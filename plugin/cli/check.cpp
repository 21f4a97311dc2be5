// tokenward check: the same calls that a broker makes, and their reasons.
#include "commands.hpp"
#include "explanation.hpp"
#include "json.hpp"
#include "output.hpp"
#include "quiet_config.hpp"
#include "token_source.hpp"

#include <cstdio>
#include <ctime>
#include <limits>

namespace tokenward::cli {
namespace {

constexpr std::int32_t reason_keys_unavailable = 312;  // reasons.def: stable

struct Answer {
    std::string question;
    std::int32_t verdict;
    host::Explanation why;
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

struct Facts {
    std::string username;
    std::string issuer;
    std::string tags;
    std::int64_t expires_at = 0;
};

bool read_facts(const host::Library &library, const tokenward_session *session, Facts &facts) {
    tokenward_string username{};
    tokenward_string issuer{};
    if (library->session_username(session, &username) != TOKENWARD_OK ||
        library->session_issuer(session, &issuer) != TOKENWARD_OK ||
        library->session_expires_at(session, &facts.expires_at) != TOKENWARD_OK) {
        return false;
    }
    facts.username = host::view(username);
    facts.issuer = host::view(issuer);
    return host::read_text(facts.tags, [&](char *buffer, std::size_t size, std::size_t *length) {
               return library->session_tags(session, buffer, size, length);
           }) == TOKENWARD_OK;
}

void say_refusal(const Engine &engine, std::int32_t result, const tokenward_error &error) {
    const char *headline = result == TOKENWARD_TRY_AGAIN ? "NOT DECIDED" : "REFUSED";
    say(std::string(headline) + "  " + engine.library()->reason_name(error.reason));
    say(std::string("  why:  ") + error.message);
    if (error.hint[0] != '\0') say(std::string("  hint: ") + error.hint);
}

void say_facts(const Facts &facts) {
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
}

void say_answer(const Answer &answer) {
    if (answer.verdict == TOKENWARD_ALLOWED) {
        say("ALLOWED   " + answer.question);
        if (!answer.why.scope.empty()) say("  by:      " + for_terminal(answer.why.scope));
        return;
    }
    say((answer.verdict == TOKENWARD_DENIED ? "DENIED    " : "EXPIRED   ") + answer.question);
    if (!answer.why.reason.empty()) say("  reason:  " + answer.why.reason);
    if (!answer.why.nearest.empty()) say("  nearest: " + for_terminal(answer.why.nearest));
    if (!answer.why.why.empty()) say("  but:     " + for_terminal(answer.why.why));
    if (!answer.why.hint.empty()) say("  hint:    " + for_terminal(answer.why.hint));
}

std::string json_of(const Engine &engine, std::int32_t result, const tokenward_error &error, const Facts &facts,
                    const std::vector<Answer> &answers, ExitCode code) {
    JsonLine json;
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
    } else {
        json.text("reason", engine.library()->reason_name(error.reason))
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

ExitCode exit_code_of(std::int32_t result, std::int32_t reason) {
    switch (result) {
        case TOKENWARD_OK:
            return exit_yes;
        case TOKENWARD_TRY_AGAIN:
            return exit_no_keys;
        case TOKENWARD_REFUSED:
        case TOKENWARD_NOT_A_TOKEN:
            return reason == reason_keys_unavailable ? exit_no_keys : exit_no;
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
    Engine engine(common);
    if (!engine.load()) return exit_usage;
    std::string overrides;
    if (!quiet_overrides(engine, options.mqtt, overrides) || !engine.create(overrides)) {
        report(engine, common, engine.error(), exit_usage);
        return exit_usage;
    }

    auto credentials = host::sized<tokenward_credentials>();
    credentials.kind = TOKENWARD_BEARER_TOKEN;
    credentials.data = host::borrow(token->text);
    auto context = host::sized<tokenward_context>();
    context.protocol = host::borrow("cli");
    auto error = host::sized<tokenward_error>();
    tokenward_session *raw = nullptr;
    engine.mute(true);  // its audit line says what we say below
    const std::int32_t result =
        engine.library()->authenticate(engine.backend(), &credentials, &context, &raw, &error);
    engine.mute(false);
    const host::Session session = host::own(engine.library(), raw);

    ExitCode code = exit_code_of(result, error.reason);
    Facts facts;
    std::vector<Answer> answers;
    if (result == TOKENWARD_OK) {
        if (!read_facts(engine.library(), session.get(), facts)) return exit_usage;
        for (const Question &question : options.questions) {
            tokenward_request request = question.request();
            // For an MQTT broker a name is a topic, and what begins with '$' is guarded.
            if (options.mqtt && request.flags == 0) request.flags = TOKENWARD_MQTT_TOPIC;
            Answer answer{question.spelling(), engine.library()->authorize(session.get(), &request), {}};
            answer.why = host::explain(engine.library(), session.get(), request);
            if (answer.verdict != TOKENWARD_ALLOWED) code = exit_no;
            answers.push_back(std::move(answer));
        }
    }

    if (common.json) {
        say(json_of(engine, result, error, facts, answers, code));
        return code;
    }
    if (result != TOKENWARD_OK) {
        say_refusal(engine, result, error);
    } else {
        say_facts(facts);
        for (const Answer &answer : answers) say_answer(answer);
    }
    return code;
}

}  // namespace tokenward::cli
