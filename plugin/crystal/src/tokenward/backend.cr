module Tokenward
  # A loaded configuration with its keys and the library's thread that fetches them; one for a whole program. Every
  # method may be called on any thread. Call `close` when it isn't needed any more; else the garbage collector
  # destroys it.
  class Backend
    include Calls

    # :nodoc:
    getter library : Library

    @log_queue : LogQueue?

    # Reads the configuration and starts to fetch the keys; the provider may be down. *config_files*: INI files, a later
    # one wins, key by key. *config_json*: a JSON object with the same names, wins over the files. With neither,
    # /etc/tokenward/tokenward.ini. *startup_wait* (up to a minute) blocks the thread with all its fibers until the
    # first keys are there: for programs that have nothing else to do yet.
    # *log* receives the library's log lines, in a fiber of their own; with nil they go to standard error.
    # Raises `Error`, or `LibraryError` if the library can't be used.
    def initialize(config_files : String | Array(String) = [] of String, config_json : String? = nil, *,
                   startup_wait : Time::Span = Time::Span.zero, log : ::Log? = ::Log.for("tokenward"),
                   @library : Library = Library.default)
      options = Options.new(config_files, config_json, startup_wait)
      lent = options.lend(queue: !log.nil?)
      handle = Pointer(Void).null
      error = LibraryFailure.clear
      result = @library.functions.create.call(pointerof(lent), pointerof(handle), pointerof(error))
      raise LibraryFailure.make(@library, result, error) unless result == LibTokenward::OK
      @log_queue = LogQueue.take_over(@library, handle, log) if log
      @address = Atomic(UInt64).new(handle.address)
    end

    # Ends the backend: stops a running fetch and joins the library's threads, in bounded time. If other threads are in a
    # call, the last of them ends it. Sessions stay valid, but for `Session#refresh`. A second call does nothing.
    def close : Nil
      super
    end

    # :nodoc:
    def finalize
      address = @address.swap(0_u64)
      return if address == 0
      if queue = @log_queue
        queue.abandon
      else
        DestroyThread.start(@library.functions.destroy.pointer, Pointer(Void).new(address), -1)
      end
    end

    # The session of a client that sent a good token. Raises `Refused`, `NotAToken`, `TryAgain` or `Error`.
    # Blocks its thread for the cryptography only. While a key is being fetched, the fiber waits, up to *wait*.
    def authenticate(credentials : Credentials, context : Context = Context.new, *,
                     wait : Time::Span = Time::Span.zero) : Session
      outcome = try_authenticate(credentials, context, wait: wait)
      raise outcome if outcome.is_a?(Failure)
      outcome
    end

    # The same, but returns the failure. That is cheaper than an exception for each wrong password.
    def try_authenticate(credentials : Credentials, context : Context = Context.new, *,
                         wait : Time::Span = Time::Span.zero) : Session | Failure
      Retry.call(wait) { |asks_again| authenticate_once(credentials, context, asks_again) }
    end

    private def authenticate_once(credentials : Credentials, context : Context, asks_again : Bool) : Session | Failure
      lent = credentials.lend
      from = context.lend(asks_again)
      session = Pointer(Void).null
      failure = attempt do |handle, error|
        @library.functions.authenticate.call(handle, pointerof(lent), pointerof(from), pointerof(session), error)
      end
      failure || Session.new(self, session)
    end

    # Loads another configuration, as `new` does; without arguments, the same files again. All or nothing: if it raises
    # `Error`, everything stays as it was. Sessions go on, but for those that the new `denied_file` names: they have ended, so
    # look at `Session#expires_at` of each afterwards.
    def reload(config_files : String | Array(String) | Nil = nil, config_json : String? = nil) : Nil
      options = Options.new(config_files || [] of String, config_json, Time::Span.zero)
      lent = options.lend
      same = config_files.nil? && config_json.nil?
      chosen = same ? Pointer(LibTokenward::Options).null : pointerof(lent)
      call! { |handle, error| @library.functions.reload.call(handle, chosen, error) }
    end

    # Whether a line of `denied_file` names whoever has the identity, as `Session#issuer` and `#username` gave it: for what a
    # client made and that outlives its session. Ask after each reload, and at the start. *since*: `Session#issued_at`, and
    # any time long ago if that is nil; a line with issued_before counts if it names a later time.
    def identity_denied?(issuer : String, username : String, since : Time) : Bool
      from, name = Text.lend(issuer), Text.lend(username)
      result = use do |handle|
        @library.functions.identity_denied.call(handle, from.data, from.size, name.data, name.size, since.to_unix)
      end
      case result
      when LibTokenward::ALLOWED then false
      when LibTokenward::DENIED  then true
      when Nil                   then raise closed_failure
      else                            raise LibraryFailure.make(@library, result, LibraryFailure.clear)
      end
    end

    # The backend's health as JSON: issuers, their keys, ages in seconds, last error.
    def status : String
      collect!(4096) { |handle, *into| @library.functions.status.call(handle, *into) }
    end

    # Counters and gauges in Prometheus text format 0.0.4.
    def metrics : String
      collect!(8192) { |handle, *into| @library.functions.metrics.call(handle, *into) }
    end

    # Shows a token WITHOUT verifying it, as JSON: header, claims and the permission table it would give. For an
    # operator's eyes, not for logs. Raises `Refused` if it can't be decoded.
    def inspect_token(token : String | Bytes) : String
      lent = Text.lend(token)
      collect!(4096) { |handle, *into| @library.functions.inspect.call(handle, lent.data, lent.size, *into) }
    end

    def inspect(io : IO) : Nil
      io << "#<Tokenward::Backend>"
    end

    def to_s(io : IO) : Nil
      inspect(io)
    end

    protected def give_back(handle : Void*) : Nil
      if queue = @log_queue
        queue.close
      else
        @library.functions.destroy.call(handle)
      end
    end

    private def closed_failure : Error
      Error.new("the backend is closed", LibTokenward::REASON_BACKEND_CLOSED, "BACKEND_CLOSED")
    end
  end

  # Checks a configuration without starting anything: the effective settings and the warnings, as JSON.
  # Raises `Error` with what `Backend.new` would say.
  def self.config_check(config_files : String | Array(String) = [] of String, config_json : String? = nil, *,
                        library : Library = Library.default) : String
    options = Options.new(config_files, config_json, Time::Span.zero)
    lent = options.lend
    library.collect(4096) { |*into| library.functions.config_check.call(pointerof(lent), *into) }.not_nil!
  end

  # Shows a token as `Backend#inspect_token` does, without a configuration: every scope counts, no prefix is cut.
  def self.inspect_token(token : String | Bytes, *, library : Library = Library.default) : String
    lent = Text.lend(token)
    library.collect(4096) do |*into|
      library.functions.inspect.call(Pointer(Void).null, lent.data, lent.size, *into)
    end.not_nil!
  end
end
