# What follows a denial (denied_file): clients that are connected go, and so does what denied users made and what outlives
# their sessions. The library decides who is denied.
module LavinMQ::TokenwardAuth
  module Denials
    # After a reload.
    def self.enforce : Nil
      User.look_again
      TokenwardAuth.vhosts.try &.each do |name_and_vhost|
        vhost = name_and_vhost[1]
        vhost.parameters.values.each do |parameter|
          # LavinMQ waits for the servers at the other end.
          spawn(name: "TokenwardAuth::Denials") { delete_if_denied(vhost, parameter) } if recorded?(vhost, parameter)
        end
      end
    end

    # Before LavinMQ applies the parameters: at the start, and when a node of a cluster becomes the leader.
    def self.enforce_at_start(vhost : VHost) : Nil
      vhost.parameters.values.each { |parameter| delete_if_denied(vhost, parameter) }
    end

    private def self.recorded?(vhost : VHost, parameter : Parameter) : Bool
      !TokenwardAuth.owners.try(&.maker(vhost.name, parameter)).nil?
    end

    private def self.delete_if_denied(vhost : VHost, parameter : Parameter) : Nil
      component, name = parameter.component_name, parameter.parameter_name
      return unless component && (backend = TokenwardAuth.backend)
      return unless maker = TokenwardAuth.owners.try &.maker(vhost, component, name)
      return unless backend.identity_denied?(maker.issuer, maker.username, maker.since)
      Log.warn do
        "#{component} #{name.dump} in #{vhost.name.dump}, made by #{maker.username.dump} of #{maker.issuer}, is deleted: the " \
        "operator denies its maker (denied_file)"
      end
      vhost.upstreams.tokenward_stop(component, name)
      cut_off_later(vhost.shovels.@shovels[name]?.try(&.@source.as?(Shovel::AMQPSource)).try &.@conn) if component == VHost::SHOVEL
      vhost.delete_parameter(component, name)
    rescue ex # it would end the broker at its start
      Log.error { "#{component} #{name.to_s.dump} in #{vhost.name.dump} can't be deleted, and is stopped: #{ex.message}" }
      stop(vhost, component, name) if component && name
    end

    # LavinMQ closes the connection to a server from which messages come, and waits until that server confirms it.
    def self.cut_off_later(connection : ::AMQP::Client::Connection?) : Nil
      return unless connection
      spawn(name: "TokenwardAuth::Denials cut_off_later") do
        sleep User::DENIED_CLOSE_TIMEOUT
        TokenwardAuth.cut_off(connection.@io) unless connection.closed?
      end
    end

    # What LavinMQ can't write to its file it doesn't stop. The record stays, for the next start.
    private def self.stop(vhost : VHost, component : String, name : String) : Nil
      case component
      when VHost::SHOVEL                  then vhost.shovels.delete(name)
      when VHost::FEDERATION_UPSTREAM     then vhost.upstreams.delete_upstream(name)
      when VHost::FEDERATION_UPSTREAM_SET then vhost.upstreams.delete_upstream_set(name)
      end
    rescue ex
      Log.error { "#{component} #{name.dump} in #{vhost.name.dump}: #{ex.message}" }
    end
  end
end

class LavinMQ::VHost
  private def apply_parameters(parameter : Parameter? = nil)
    TokenwardAuth::Denials.enforce_at_start(self) unless parameter # it is one that was made now
    previous_def
  end
end

class LavinMQ::Federation::UpstreamStore
  # Stops the links of an upstream, or of those entries of a set that are upstreams of their own: LavinMQ stops the former
  # one after the other, and waits for their servers, and lets the latter go on when the set is deleted.
  def tokenward_stop(component : String, name : String) : Nil
    copies = @upstream_sets.values.flatten.reject { |one| @upstreams[one.name]?.same?(one) }
    stopped = case component
              when VHost::FEDERATION_UPSTREAM     then (@upstreams.values + copies).select { |one| one.name == name }
              when VHost::FEDERATION_UPSTREAM_SET then (@upstream_sets[name]? || [] of Upstream) & copies
              else                                     return
              end
    stopped.flat_map(&.links).each do |link|
      TokenwardAuth::Denials.cut_off_later(link.@upstream_connection)
      spawn(name: "TokenwardAuth stops a link") do
        {% if LavinMQ::Federation::Upstream::Link.has_method?("stop") %}
          link.stop
        {% else %} # to 2.8
          link.terminate
        {% end %}
      rescue ::IO::Error | ::AMQP::Client::Error
        # its connection has ended
      end
    end
  end
end
