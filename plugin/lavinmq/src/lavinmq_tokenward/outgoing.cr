# The shovels and federation links that run because a token's user made them. LavinMQ's tables lack some that run: one that
# is being deleted or replaced goes on until its server lets it go, an upstream set forgets the links of its entries, and a
# vhost that is deleted takes its tables with it. So this list says what runs, and by it ends what a denied user made.
module LavinMQ::TokenwardAuth
  # An identity, an issuer's user, and the time of its token.
  record Maker, issuer : String, username : String, since : ::Time do
    def self.of(user : User) : Maker
      new(user.session.issuer, user.session.username, user.session.issued_at || ::Time::UNIX_EPOCH) # without iat: older than any
    end

    # Whether an operator denies it (denied_file).
    def denied? : Bool
      TokenwardAuth.backend.try(&.identity_denied?(issuer, username, since)) || false
    end
  end

  module Outgoing
    alias Mover = Shovel::Runner | Federation::Upstream::Link

    private class Run
      getter makers : Array(Maker)

      def initialize(@makers)
      end
    end

    # More than one while a shovel is resumed before it has paused.
    @@running = Hash(Mover, Array(Run)).new.compare_by_identity

    # In the block it runs.
    def self.running(mover : Mover, makers : Array(Maker), &) : Nil
      run = Run.new(makers)
      (@@running[mover] ||= [] of Run) << run
      begin
        yield
      ensure
        if runs = @@running[mover]?
          runs.delete(run)
          @@running.delete(mover) if runs.empty?
        end
      end
    end

    # After a reload. What begins later looks itself.
    def self.stop_denied : Nil
      @@running.to_a.each_with_index do |(mover, runs), i|
        Fiber.yield if i % 100 == 99 # others have their turn
        next unless runs.any?(&.makers.any?(&.denied?))
        spawn(name: "TokenwardAuth::Outgoing stop") { mover.tokenward_stop }
      end
    end

    # In the block LavinMQ ends it, and waits without end for the servers to confirm that; messages go on until then. So what
    # is connected then is cut off, and, if it doesn't only pause, what connects later.
    def self.ending(mover : Mover, makers : Array(Maker), pauses = false, &)
      return yield if makers.empty?
      runs, is_done = [] of Run, false
      runs.concat(@@running[mover]? || [] of Run) unless pauses
      spawn(name: "TokenwardAuth::Outgoing ending") do
        loop do
          sleep User::DENIED_CLOSE_TIMEOUT
          break if is_done && ((@@running[mover]? || [] of Run) & runs).empty?
          mover.tokenward_connections.each do |connection|
            spawn(name: "TokenwardAuth::Outgoing cut_off") { TokenwardAuth.cut_off(connection.@io) unless connection.closed? }
          end
        end
      end
      begin
        yield
      ensure
        is_done = true
      end
    end

    # Who makes what LavinMQ is about to create: the user of the request, or who is recorded, at a start.
    def self.makers(vhost : VHost, component : String, name : String) : Array(Maker)
      maker = if Fiber.current.tokenward_request
                TokenwardAuth.requester.try { |user| Maker.of(user) }
              else
                TokenwardAuth.owners.try &.maker(vhost, component, name).try &.maker
              end
      maker ? [maker] : [] of Maker
    end

    # Raises if a request may not create any more what it has stored: while LavinMQ waited for the servers of what it
    # replaces, somebody may have deleted or replaced it, or the vhost.
    def self.check_is_stored(vhost : VHost, component : String, name : String, config : JSON::Any) : Nil
      return unless Fiber.current.tokenward_request
      stored = vhost.parameters[{component, name}]?.try(&.value.raw)
      given = config.raw
      same = case stored
             when Hash  then stored.same?(given.as?(Hash))
             when Array then stored.same?(given.as?(Array))
             else            stored == given
             end
      raise "it was deleted or replaced meanwhile" unless same
      raise "the vhost was deleted meanwhile" if TokenwardAuth.requester && !TokenwardAuth.is_there?(vhost)
    end

    # Ends them at the same time, since each may take a second.
    def self.at_once(all : Array(T), &block : T ->) : Nil forall T
      WaitGroup.wait do |group|
        all.each do |one|
          group.spawn do
            block.call(one)
          rescue ex : ::IO::Error | ::AMQP::Client::Error
            # its connection has ended
          end
        end
      end
    end
  end

  # Whether it is the vhost of that name. A request that began before it was deleted still has it.
  def self.is_there?(vhost : VHost) : Bool
    (found = vhosts.try(&.[vhost.name]?)) ? found.same?(vhost) : false
  end
end

class LavinMQ::Shovel::Runner
  property tokenward_makers = [] of TokenwardAuth::Maker

  def run
    return previous_def if @tokenward_makers.empty?
    TokenwardAuth::Outgoing.running(self, @tokenward_makers) do
      @state = State::Terminated if @tokenward_makers.any?(&.denied?)
      begin
        previous_def
      ensure
        terminate if terminated? # what has connected since then
      end
    end
  end

  def pause
    TokenwardAuth::Outgoing.ending(self, @tokenward_makers, pauses: true) { previous_def }
  end

  def terminate
    TokenwardAuth::Outgoing.ending(self, @tokenward_makers) { previous_def }
  rescue ex : ::IO::Error | ::AMQP::Client::Error
    raise ex if @tokenward_makers.empty?
    # The source's connection has ended.
    @destination.stop rescue nil
  end

  def tokenward_stop : Nil
    terminate
  end

  def tokenward_connections : Array(::AMQP::Client::Connection)
    destination = @destination
    all = destination.is_a?(MultiDestinationHandler) ? destination.@destinations : [destination]
    connections = [@source.as?(AMQPSource).try(&.@conn)]
    all.each { |one| connections << one.as?(AMQPDestination).try(&.@conn) }
    connections.compact
  end
end

class LavinMQ::Shovel::Store
  def create(name, config)
    if before = @shovels.delete(name)
      before.terminate
    end
    TokenwardAuth::Outgoing.check_is_stored(@vhost, VHost::SHOVEL, name, config)
    shovel = previous_def # it has nothing to wait for
    shovel.tokenward_makers = TokenwardAuth::Outgoing.makers(@vhost, VHost::SHOVEL, name)
    shovel
  end

  # Out of the table at once; the block ends it.
  def tokenward_take(name : String) : Proc(Nil)?
    @shovels.delete(name).try { |shovel| -> { shovel.delete; nil } }
  end
end

class LavinMQ::VHost
  def stop_shovels
    TokenwardAuth::Outgoing.at_once(shovels.values, &.terminate)
  end
end

class LavinMQ::Federation::Upstream
  # The token's user that made the upstream, and the one of the set's entry that it is a copy for. Links outlive the
  # parameter, so it is kept here.
  property tokenward_makers = [] of TokenwardAuth::Maker

  def tokenward_by_token? : Bool
    !@tokenward_makers.empty?
  end

  {% begin %}
    # LavinMQ stops one link after the other, and waits for their servers.
    {% stops = LavinMQ::Federation::Upstream::Link.has_method?("stop") ? {"close" => "stop", "delete" => "delete"} : {"close" => "terminate"} %} # to 2.8
    {% for method, of_link in stops %}
      def {{ method.id }}
        return previous_def unless tokenward_by_token?
        TokenwardAuth::Outgoing.at_once(links, &.{{ of_link.id }})
        @ex_links.clear
        @q_links.clear
      end
    {% end %}
  {% end %}
end

class LavinMQ::Federation::UpstreamStore
  def create_upstream(name, config)
    do_delete_upstream(name)
    TokenwardAuth::Outgoing.check_is_stored(@vhost, VHost::FEDERATION_UPSTREAM, name, config)
    upstream = previous_def # it has nothing to wait for
    upstream.tokenward_makers = TokenwardAuth::Outgoing.makers(@vhost, VHost::FEDERATION_UPSTREAM, name)
    upstream
  end

  def create_upstream_set(name, config)
    before = tokenward_copies(name)
    TokenwardAuth::Outgoing.check_is_stored(@vhost, VHost::FEDERATION_UPSTREAM_SET, name, config)
    config = TokenwardAuth::PolicyRights.allowed_entries(@vhost, name, config)
    upstreams = previous_def(name, Fiber.current.tokenward_request ? config : tokenward_known(name, config))
    makers = TokenwardAuth::Outgoing.makers(@vhost, VHost::FEDERATION_UPSTREAM_SET, name)
    upstreams.each { |one| one.tokenward_makers += makers unless @upstreams[one.name]?.same?(one) }
    upstreams
  ensure
    tokenward_close(before)
  end

  def delete_upstream_set(name)
    before = tokenward_copies(name)
    previous_def
    tokenward_close(before)
  end

  def stop_all
    TokenwardAuth::Outgoing.at_once((@upstreams.values + @upstream_sets.values.flatten).uniq, &.close)
  end

  # The entries of a set that are upstreams of their own: LavinMQ forgets them, and lets their links go on.
  private def tokenward_copies(set : String) : Array(Upstream)
    (@upstream_sets[set]? || [] of Upstream).select do |one|
      one.tokenward_by_token? && !@upstreams[one.name]?.same?(one)
    end
  end

  private def tokenward_close(upstreams : Array(Upstream)?) : Nil
    upstreams.try &.each { |one| spawn(name: "TokenwardAuth closes an entry of a set") { one.close } }
  end

  # At a start LavinMQ drops a whole set if the upstream of an entry isn't there any more.
  private def tokenward_known(name : String, config : JSON::Any) : JSON::Any
    JSON::Any.new(config.as_a.select do |entry|
      upstream = entry["upstream"].as_s
      next true if @upstreams.has_key?(upstream)
      TokenwardAuth::Log.warn do
        "federation-upstream-set #{name.dump} in #{@vhost.name.dump}: an entry is left out, since its upstream " \
        "#{upstream.dump} isn't there any more"
      end
      false
    end)
  end

  # Out of the tables at once; the blocks end them.
  def tokenward_take(component : String, name : String) : Array(Proc(Nil))
    taken = component == VHost::FEDERATION_UPSTREAM ? [@upstreams.delete(name)].compact : tokenward_copies(name)
    if component == VHost::FEDERATION_UPSTREAM
      @upstream_sets.each_value do |set|
        taken.concat(set.select { |one| one.name == name })
        set.reject! { |one| one.name == name }
      end
    else
      @upstream_sets.delete(name)
    end
    taken.uniq.map do |one|
      {% if LavinMQ::Federation::Upstream.has_method?("delete") %}
        -> { one.delete; nil }
      {% else %} # to 2.8
        -> { one.close; nil }
      {% end %}
    end
  end
end

abstract class LavinMQ::Federation::Upstream::Link
  private def run_loop
    makers = @upstream.tokenward_makers
    return previous_def if makers.empty?
    TokenwardAuth::Outgoing.running(self, makers) do
      state(State::Terminating) if makers.any?(&.denied?)
      previous_def
    end
  end

  {% begin %}
    {% stop = LavinMQ::Federation::Upstream::Link.has_method?("stop") ? "stop".id : "terminate".id %} # to 2.8
    def {{ stop }}
      TokenwardAuth::Outgoing.ending(self, @upstream.tokenward_makers) { previous_def }
    end

    def tokenward_stop : Nil
      {{ stop }}
    rescue ::IO::Error | ::AMQP::Client::Error
      # its connection has ended
    end
  {% end %}

  def tokenward_connections : Array(::AMQP::Client::Connection)
    [@upstream_connection].compact
  end
end

class LavinMQ::Federation::Upstream::ExchangeLink
  # A connection of its own, with which LavinMQ deletes what the link declared at the upstream. It waits without end, too.
  private def cleanup
    return previous_def unless @upstream.tokenward_by_token?
    socket, is_done = nil, false
    Fiber.current.tokenward_opens = ->(io : ::IO) { socket = io; nil }
    spawn(name: "TokenwardAuth cleanup") do
      sleep TokenwardAuth::User::CLOSE_TIMEOUT
      until is_done
        socket.try { |io| TokenwardAuth.cut_off(io) }
        sleep 1.second
      end
    end
    begin
      previous_def
    ensure
      is_done = true
      Fiber.current.tokenward_opens = nil
    end
  end
end
