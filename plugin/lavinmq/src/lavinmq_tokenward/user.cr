module LavinMQ::TokenwardAuth
  # The user of a token's session. It is an OAuthUser because LavinMQ asks that class when a connection ends, and gives it
  # the token of connection.update-secret.
  class User < Auth::OAuthUser
    # LavinMQ wants three patterns for a vhost that the user may access. These match nothing: the session decides.
    NO_PATTERNS = {config: /^$/, read: /^$/, write: /^$/}

    # How long a client may take to answer connection.close.
    CLOSE_TIMEOUT        = 10.seconds
    DENIED_CLOSE_TIMEOUT =  1.second

    # The wall clock may be set, so the end is looked at again at least this often.
    LONGEST_TIMER = 60.seconds

    getter session : ::Tokenward::Session
    # Stops the connection's deliveries. Called when its token has ended, before the client is told.
    property stop_deliveries : Proc(Nil)?
    # Cuts the connection off. Called if the client doesn't close it after its token has ended.
    property last_resort : Proc(Nil)?

    def initialize(@session : ::Tokenward::Session, verifier : Auth::JWT::TokenVerifier, @origin : Origin)
      @changed = Channel(Nil).new(1)
      super(@session.username, Array(Tag).new, Hash(String, Permissions).new, ::Time.utc(9999, 12, 31), verifier)
      @tags = known_tags
    end

    # ---- rights: not cached, since the library is faster than a cache and knows when the token has ended ----

    def can_write?(vhost : String, name : String, cache : Auth::PermissionCache) : Bool
      allowed?(::Tokenward::Operation::Write, vhost, name)
    end

    def can_write?(vhost : String, name : String) : Bool
      allowed?(::Tokenward::Operation::Write, vhost, name)
    end

    def can_read?(vhost : String, name : String) : Bool
      if (instead = @reading_instead) && name == instead[0]
        name = instead[1]
      end
      allowed?(::Tokenward::Operation::Read, vhost, name)
    end

    def can_config?(vhost : String, name : String) : Bool
      allowed?(::Tokenward::Operation::Configure, vhost, name)
    end

    def find_permission(vhost : String) : Permissions?
      return NO_PATTERNS if @session.can_access_vhost?(vhost)
      # The library has no line for a vhost alone. It gives NO_VHOST_ACCESS for any request in it.
      @session.report_denial(:read, vhost, "", context: @origin.context)
      nil
    end

    # The existing vhosts that the user may access. The HTTP API looks up names here, so patterns would not do.
    def permissions : Hash(String, Permissions)
      now = RoughTime.utc
      if (known = @open_vhosts) && now < @open_vhosts_until
        return known
      end
      open = Hash(String, Permissions).new
      TokenwardAuth.vhosts.try &.each do |name_and_vhost|
        name = name_and_vhost[0]
        open[name] = NO_PATTERNS if @session.can_access_vhost?(name)
      end
      @open_vhosts_until = now + 1.second # a listing asks once for each vhost
      @open_vhosts = open
    end

    @open_vhosts : Hash(String, Permissions)?
    @open_vhosts_until : ::Time = ::Time::UNIX_EPOCH

    # In the block LavinMQ publishes the will. The last rights count: the token may have ended when the will is due.
    def publishing_will(vhost : String, exchange : String, &) : Nil
      @flags = ::Tokenward::RequestFlags::PastEnd
      begin
        yield if can_write?(vhost, exchange)
      ensure
        @flags = ::Tokenward::RequestFlags::None
      end
    end

    @flags = ::Tokenward::RequestFlags::None

    # In the block, a question for the right to read *asked* is answered by the right to read *meant*.
    def reading_instead_of(asked : String, meant : String, &) : Nil
      @reading_instead = {asked, meant}
      begin
        yield
      ensure
        @reading_instead = nil
      end
    end

    @reading_instead : {String, String}?

    # Whoever may do anything with a queue or exchange may know of it.
    def may_know_of?(vhost : String, name : String) : Bool
      ::Tokenward::Operation.values.any? { |operation| @session.authorize?(operation, vhost, name) } ||
        allowed?(::Tokenward::Operation::Read, vhost, name) # for the log line
    end

    # The same username of another provider, or of a local user, is somebody else.
    def same_identity?(other : Auth::BaseUser) : Bool
      other.is_a?(User) && other.name == name && other.session.issuer == @session.issuer
    end

    private def allowed?(operation : ::Tokenward::Operation, vhost : String, name : String) : Bool
      return true if @session.authorize?(operation, vhost, name, flags: @flags)
      @session.report_denial(operation, vhost, name, flags: @flags, context: @origin.context)
      false
    end

    # LavinMQ's HTTP API refuses a user without a tag, and doesn't log it. The line follows the library's line of the
    # login, which isn't limited either.
    def warn_of_no_tag : Nil
      Log.warn do
        "HTTP: user #{name.dump} from #{@origin.peer} has no tag that LavinMQ knows: its token needs a scope such as " \
        "tag:management"
      end
    end

    # ---- expiry and refresh ----

    def token_lifetime : ::Time::Span
      ends = @session.expires_at
      return LONGEST_TIMER * 2 unless ends
      left = ends - ::Time.utc
      left.negative? ? ::Time::Span.zero : left
    rescue ::Tokenward::Failure # the session is closed
      ::Time::Span.zero
    end

    def ended? : Bool
      token_lifetime.zero?
    end

    # Whether an operator has ended the session. What a client handed over before is allowed past every other end.
    def denied? : Bool
      @session.authorize(:read, "", "", flags: ::Tokenward::RequestFlags::PastEnd).expired?
    end

    # Those for whose end a fiber waits.
    @@waiting = Set(User).new.compare_by_identity
    @@waiting_lock = Mutex.new

    # After a reload, which ends the sessions that it denies.
    def self.look_again : Nil
      @@waiting_lock.synchronize { @@waiting.to_a }.each(&.look_again)
    end

    # Calls the block once, when the token has ended, unless `cleanup` comes first. A refresh moves the end, a denial too.
    def on_expiration(&block)
      spawn(name: "TokenwardAuth::User#on_expiration") do
        wait_for_end
        denied = denied?
        Log.info { "#{@origin} of user #{name.dump} is disconnected: the operator denies it (denied_file)" } if denied
        # Both may wait for a client that doesn't read any more.
        spawn(name: "TokenwardAuth::User close") { end_connection(block) } unless @changed.closed?
        cut_off_after(denied ? DENIED_CLOSE_TIMEOUT : CLOSE_TIMEOUT)
      rescue Channel::ClosedError
        # the connection has ended
      end
    end

    private def wait_for_end : Nil
      @@waiting_lock.synchronize { @@waiting << self }
      until (left = token_lifetime).zero?
        select
        when @changed.receive
        when timeout(Math.min(left, LONGEST_TIMER))
        end
      end
    ensure
      @@waiting_lock.synchronize { @@waiting.delete(self) }
    end

    # Lets the waiting fiber look at the end again.
    protected def look_again : Nil
      select
      when @changed.send(nil)
      else # it will do so already
      end
    rescue Channel::ClosedError
      # the connection has ended
    end

    private def end_connection(close : Proc) : Nil
      @stop_deliveries.try &.call
    ensure
      close.call
    end

    # For a connection that is being closed before its token has ended.
    def cut_off_later : Nil
      spawn(name: "TokenwardAuth::User cut_off_later") { cut_off_after(CLOSE_TIMEOUT) }
    end

    # LavinMQ waits for the client's answer without end.
    private def cut_off_after(time : ::Time::Span) : Nil
      select
      when @changed.receive # too late for a new token
      when timeout(time)
      end
      @last_resort.try &.call
    rescue Channel::ClosedError
      # the connection has ended
    end

    # The connection has ended.
    def cleanup
      @changed.close
      @session.close
    end

    # connection.update-secret: the rights, tags and end of another token of the same identity. LavinMQ closes the
    # connection with ACCESS_REFUSED if this raises; the client is told no more than that.
    def refresh(new_secret : String)
      credentials = ::Tokenward::Credentials.bearer(new_secret)
      if @session.try_refresh(credentials, @origin.context, wait: Authenticator::LONGEST_WAIT)
        raise Auth::JWT::VerificationError.new("the new token is refused")
      end
      @tags = known_tags
      @open_vhosts = nil
      clear_permissions_cache
      look_again
    end

    # LavinMQ has five tags. Other tags are left out.
    private def known_tags : Array(Tag)
      @session.tags.compact_map { |tag| Tag.parse?(tag) }
    end
  end
end
