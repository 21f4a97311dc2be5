module LavinMQ::TokenwardAuth
  # Who a token's session lets in. LavinMQ knows it as an OAuthUser: it asks that class for the end of the connection and
  # hands it the token of connection.update-secret.
  class User < Auth::OAuthUser
    # For LavinMQ, which wants three patterns where a vhost is open: the ones it takes for "none".
    NOTHING = {config: /^$/, read: /^$/, write: /^$/}

    # How long a client may take to answer that its connection is closed.
    FAREWELL = 10.seconds

    # The end is looked at this often whatever the timer says: the wall clock decides, and may be set.
    LONGEST_NAP = 60.seconds

    getter session : ::Tokenward::Session
    # Whether an MQTT will may be published; decided at CONNECT, since the token may have ended when the will is due.
    property? may_publish_will = false
    # Cuts the connection off; called if the client doesn't go when its token has ended.
    property last_resort : Proc(Nil)?

    def initialize(@session : ::Tokenward::Session, verifier : Auth::JWT::TokenVerifier)
      @changed = Channel(Nil).new(1)
      super(@session.username, Array(Tag).new, Hash(String, Permissions).new, ::Time.utc(9999, 12, 31), verifier)
      @tags = known_tags
    end

    # ---- what it may do: no cache, the library is faster than one, and knows when the token has ended ----

    def can_write?(vhost : String, name : String, cache : Auth::PermissionCache) : Bool
      allowed?(::Tokenward::Operation::Write, vhost, name)
    end

    def can_write?(vhost : String, name : String) : Bool
      return may_publish_will? if @publishing_will
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
      verdict = @session.vhost_access(vhost)
      return NOTHING if verdict.allowed?
      Report.no_vhost(@session, vhost, verdict)
    end

    # The vhosts that are there and open: the HTTP API looks names up in it, which a pattern could never be.
    def permissions : Hash(String, Permissions)
      now = RoughTime.utc
      if (known = @open_vhosts) && now < @open_vhosts_until
        return known
      end
      open = Hash(String, Permissions).new
      TokenwardAuth.vhosts.try &.each do |name_and_vhost|
        name = name_and_vhost[0]
        open[name] = NOTHING if @session.can_access_vhost?(name)
      end
      @open_vhosts_until = now + 1.second # a listing asks once for each vhost
      @open_vhosts = open
    end

    @open_vhosts : Hash(String, Permissions)?
    @open_vhosts_until : ::Time = ::Time::UNIX_EPOCH

    # The block is LavinMQ's own publishing of the will; what it asks is answered as at CONNECT.
    def publishing_will(&) : Nil
      return unless may_publish_will?
      @publishing_will = true
      begin
        yield
      ensure
        @publishing_will = false
      end
    end

    @publishing_will = false

    # Within the block, the right to read *asked* is that to read *meant*.
    def reading_instead_of(asked : String, meant : String, &) : Nil
      @reading_instead = {asked, meant}
      begin
        yield
      ensure
        @reading_instead = nil
      end
    end

    @reading_instead : {String, String}?

    private def allowed?(operation : ::Tokenward::Operation, vhost : String, name : String) : Bool
      verdict = @session.authorize(operation, vhost, name)
      return true if verdict.allowed?
      Report.denied(@session, operation, vhost, name, verdict)
      false
    end

    # ---- until when ----

    def token_lifetime : ::Time::Span
      ends = @session.expires_at
      return LONGEST_NAP * 2 unless ends
      left = ends - ::Time.utc
      left.negative? ? ::Time::Span.zero : left
    rescue ::Tokenward::Failure # the session was given back
      ::Time::Span.zero
    end

    # Calls the block once, when the token has ended, unless `cleanup` comes first. A refresh moves the end.
    def on_expiration(&block)
      spawn(name: "TokenwardAuth::User#on_expiration") do
        loop do
          left = token_lifetime
          if left.zero?
            # It may wait for a client that reads no more.
            spawn(name: "TokenwardAuth::User farewell") { block.call } unless @changed.closed?
            cut_off_after_farewell
            break
          end
          select
          when @changed.receive
          when timeout(Math.min(left, LONGEST_NAP))
          end
        end
      rescue Channel::ClosedError
        # the connection is gone
      end
    end

    # LavinMQ waits for the client's answer for ever, and meanwhile takes messages from the queues it consumes.
    private def cut_off_after_farewell : Nil
      select
      when @changed.receive # too late for a new token
      when timeout(FAREWELL)
      end
      @last_resort.try &.call
    end

    # The connection is gone.
    def cleanup
      @changed.close
      @session.close
    end

    # connection.update-secret: the rights, tags and end of another token of the same identity. LavinMQ closes the
    # connection with ACCESS_REFUSED if this raises; the client is told no more than that.
    def refresh(new_secret : String)
      credentials = ::Tokenward::Credentials.bearer(new_secret)
      if @session.try_refresh(credentials, Origin.current.context, wait: Authenticator::LONGEST_WAIT)
        raise Auth::JWT::VerificationError.new("the new token is refused")
      end
      @tags = known_tags
      @open_vhosts = nil
      clear_permissions_cache
      select
      when @changed.send(nil)
      else # it was told already
      end
    rescue Channel::ClosedError
      # nobody waits for the end any more
    end

    # LavinMQ knows five; others mean nothing to it.
    private def known_tags : Array(Tag)
      @session.tags.compact_map { |tag| Tag.parse?(tag) }
    end
  end
end
