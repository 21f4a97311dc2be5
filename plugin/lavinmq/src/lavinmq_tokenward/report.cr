require "json"

module LavinMQ::TokenwardAuth
  Log = LavinMQ::Log.for "tokenward"

  # The library logs who was accepted and who was refused. This module logs what it doesn't: denials, and a password that
  # no backend knows. One line each, at most ten a second: a client that floods the broker must not fill the disk.
  module Report
    PER_SECOND = 10

    @@lock = Mutex.new
    @@second = 0_i64
    @@written = 0
    @@left_out = 0_u64

    # A client is refused; in the form of the library's lines.
    def self.refused(failure : ::Tokenward::Failure, origin : Origin, outcome = "refused") : Nil
      write { "authenticate #{outcome} reason=#{failure.reason_name}#{origin}: #{failure.message} (hint: #{failure.hint})" }
    end

    # A client that is logged in may not do that.
    def self.denied(session : ::Tokenward::Session, operation : ::Tokenward::Operation, vhost : String, name : String,
                    verdict : ::Tokenward::Verdict) : Nil
      write do
        "user #{quoted(session.username)} may not #{verb(operation)} #{quoted(name)} in vhost #{quoted(vhost)}: " \
        "#{why(session, operation, vhost, name, verdict)}"
      end
    end

    def self.no_vhost(session : ::Tokenward::Session, vhost : String, verdict : ::Tokenward::Verdict) : Nil
      write do
        reason = verdict.expired? ? "SESSION_EXPIRED: its token has ended" : "NO_VHOST_ACCESS: no permission scope names it"
        "user #{quoted(session.username)} may not enter vhost #{quoted(vhost)}: #{reason}"
      end
    end

    # LavinMQ's HTTP API refuses a user without a tag, and doesn't log it.
    def self.no_tag(user : User, origin : Origin) : Nil
      write do
        "HTTP: user #{quoted(user.name)} has no tag that LavinMQ knows: its token needs a scope such as tag:management;" \
        "#{origin}"
      end
    end

    # For a text that a client may have chosen: printable ASCII in quotes, cut after 64 characters.
    def self.quoted(text : String) : String
      short = text.size > 64 ? "#{text[0, 64]}..." : text
      short.scrub.dump
    end

    private def self.why(session, operation, vhost, name, verdict) : String
      return "SESSION_EXPIRED: its token has ended" if verdict.expired?
      return "the session is closed" unless verdict.denied?
      parts = JSON.parse(session.explain(operation, vhost, name))
      String.build do |text|
        text << (parts["reason"]?.try(&.as_s?) || "NO_MATCHING_SCOPE")
        if nearest = parts["nearest"]?.try(&.as_s?)
          text << "; nearest scope: " << quoted(nearest)
          parts["why"]?.try(&.as_s?).try { |why| text << ", but " << why }
        end
        text << hint(parts["hint"]?.try(&.as_s?) || "")
      end
    rescue ::Tokenward::Failure | JSON::ParseException
      "NO_MATCHING_SCOPE"
    end

    private def self.hint(text : String) : String
      text.empty? ? "" : "; #{text}"
    end

    private def self.verb(operation : ::Tokenward::Operation) : String
      case operation
      in .configure? then "configure"
      in .read?      then "read from"
      in .write?     then "write to"
      end
    end

    private def self.write(& : -> String) : Nil
      left_out = 0_u64
      @@lock.synchronize do
        now = ::Time.utc.to_unix
        if now != @@second
          @@second = now
          @@written = 0
          left_out, @@left_out = @@left_out, 0_u64
        end
        if @@written >= PER_SECOND
          @@left_out += 1
          return
        end
        @@written += 1
      end
      Log.warn { "#{left_out} lines about refusals were left out" } if left_out > 0
      line = yield
      Log.warn { line }
    end
  end
end
