module Tokenward
  # One authenticated client: who it is, what it may do, until when. Every method may be called on any thread, also
  # after the backend was closed. Call `close` when it isn't needed any more; else the garbage collector releases it.
  class Session
    include Calls

    # The username that the token gave, never what the client typed.
    getter username : String
    # The issuer as configured.
    getter issuer : String

    # :nodoc:
    def initialize(@backend : Backend, handle : Void*)
      @address = Atomic(UInt64).new(handle.address)
      @library = @backend.library
      functions = @library.functions
      @username = Text.take { |data, size| functions.session_username.call(handle, data, size) }
      @issuer = Text.take { |data, size| functions.session_issuer.call(handle, data, size) }
    end

    # :nodoc:
    # Releasing never waits. It may run on any thread, also after the backend was closed.
    def finalize
      close
    end

    # Whether the client may do it. Without *routing_key* there is none; "" is the empty one.
    def authorize?(operation : Operation, vhost : String | Bytes, resource : String | Bytes,
                   routing_key : String | Bytes | Nil = nil, flags : RequestFlags = RequestFlags::None) : Bool
      authorize(operation, vhost, resource, routing_key, flags).allowed?
    end

    # Decides one request. Never blocks, allocates nothing.
    def authorize(operation : Operation, vhost : String | Bytes, resource : String | Bytes,
                  routing_key : String | Bytes | Nil = nil, flags : RequestFlags = RequestFlags::None) : Verdict
      request = Request.lend(operation, vhost, resource, routing_key, flags)
      verdict(use { |handle| @library.functions.authorize.call(handle, pointerof(request)) })
    end

    # Lets the library write the log line of a request that was denied: who, what, the scope that would grant it. It
    # writes a few each second and counts the others. Writes nothing once the backend is closed.
    def report_denial(operation : Operation, vhost : String | Bytes, resource : String | Bytes,
                      routing_key : String | Bytes | Nil = nil, flags : RequestFlags = RequestFlags::None,
                      context : Context = Context.new) : Nil
      request = Request.lend(operation, vhost, resource, routing_key, flags)
      from = context.lend
      use { |handle| @library.functions.report_denial.call(handle, pointerof(request), pointerof(from)) }
    end

    # Whether any permission scope opens the vhost.
    def can_access_vhost?(vhost : String | Bytes) : Bool
      vhost_access(vhost).allowed?
    end

    # The same as a `Verdict`, which tells a denial from an expired session.
    def vhost_access(vhost : String | Bytes) : Verdict
      lent = Text.lend(vhost)
      verdict(use { |handle| @library.functions.session_can_access_vhost.call(handle, lent.data, lent.size) })
    end

    # The instant from which the session is expired, clock_skew included; nil if it has no end. A refresh changes it.
    # Crystal's calendar ends with the year 9999: a later instant is given as that end.
    def expires_at : Time?
      seconds = 0_i64
      call! { |handle, _| @library.functions.session_expires_at.call(handle, pointerof(seconds)) }
      return nil if seconds == Int64::MAX
      Time.unix(Math.min(seconds, LAST_SECOND))
    end

    # When the token was issued (iat); nil if it doesn't say. A refresh changes it. For `Backend#identity_denied?`.
    # A time that is none of Crystal's calendar is given as the nearest.
    def issued_at : Time?
      seconds = 0_i64
      call! { |handle, _| @library.functions.session_issued_at.call(handle, pointerof(seconds)) }
      return nil if seconds == Int64::MIN
      Time.unix(seconds.clamp(FIRST_SECOND, LAST_SECOND))
    end

    private FIRST_SECOND = Time.utc(1, 1, 1).to_unix
    private LAST_SECOND = Time.utc(9999, 12, 31, 23, 59, 59).to_unix

    # The tags as one snapshot, sorted.
    def tags : Array(String)
      text = collect!(256) do |handle, buffer, size, length, _|
        @library.functions.session_tags.call(handle, buffer, size, length)
      end
      text.empty? ? [] of String : text.split(',')
    end

    # Why a request is allowed or not, as JSON: verdict, deciding scope or nearest miss, reason, hint.
    def explain(operation : Operation, vhost : String | Bytes, resource : String | Bytes,
                routing_key : String | Bytes | Nil = nil, flags : RequestFlags = RequestFlags::None) : String
      request = Request.lend(operation, vhost, resource, routing_key, flags)
      collect!(1024) { |handle, *into| @library.functions.explain.call(handle, pointerof(request), *into) }
    end

    # Replaces rights, tags and expiry by those of a new token of the same identity, as AMQP update-secret and MQTT 5
    # re-authentication ask for. Raises `Refused`, `NotAToken`, `TryAgain` or `Error`; then everything stays as it was.
    # While a key is being fetched, it waits in its fiber up to *wait*.
    def refresh(credentials : Credentials, context : Context = Context.new, *, wait : Time::Span = Time::Span.zero) : Nil
      failure = try_refresh(credentials, context, wait: wait)
      raise failure if failure
    end

    # The same, but returns the failure, or nil if all is well.
    def try_refresh(credentials : Credentials, context : Context = Context.new, *,
                    wait : Time::Span = Time::Span.zero) : Failure?
      Retry.call(wait) { |asks_again| refresh_once(credentials, context, asks_again) }
    end

    private def refresh_once(credentials : Credentials, context : Context, asks_again : Bool) : Failure?
      lent = credentials.lend
      from = context.lend(asks_again)
      attempt do |handle, error|
        @library.functions.session_refresh.call(handle, pointerof(lent), pointerof(from), error)
      end
    end

    def inspect(io : IO) : Nil
      io << "#<Tokenward::Session "
      @username.inspect(io)
      io << '>'
    end

    def to_s(io : IO) : Nil
      inspect(io)
    end

    protected def give_back(handle : Void*) : Nil
      @library.functions.session_release.call(handle)
    end

    # An unknown result and a closed session are errors: a no.
    private def verdict(result : Int32?) : Verdict
      case result
      when LibTokenward::ALLOWED then Verdict::Allowed
      when LibTokenward::DENIED  then Verdict::Denied
      when LibTokenward::EXPIRED then Verdict::Expired
      else                            Verdict::Error
      end
    end

    private def closed_failure : Error
      Error.new("the session is closed", LibTokenward::REASON_INVALID_ARGUMENT, "INVALID_ARGUMENT")
    end
  end
end
