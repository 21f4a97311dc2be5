# What follows a denial (denied_file): clients that are connected go, and so does what denied users made and what outlives
# their sessions. The library decides who is denied.
module LavinMQ::TokenwardAuth
  module Denials
    # After a reload.
    def self.enforce : Nil
      User.look_again
      spawn(name: "TokenwardAuth::Denials") do
        Outgoing.stop_denied
        TokenwardAuth.vhosts.try &.to_a.each { |name_and_vhost| delete_denied(name_and_vhost[1]) }
      end
    end

    # Deletes what denied users made: all of it out of LavinMQ's tables, then one write for each file. Also before LavinMQ
    # applies the parameters: at the start, and when a node of a cluster becomes the leader.
    def self.delete_denied(vhost : VHost) : Nil
      return unless owners = TokenwardAuth.owners
      denied = [] of Parameter
      vhost.parameters.values.each_with_index do |parameter, i|
        Fiber.yield if i % 100 == 99 # others have their turn
        denied << parameter if denied?(owners, vhost, parameter)
      end
      denied.select! { |parameter| vhost.parameters[parameter.name]?.same?(parameter) }
      return if denied.empty?
      gone = Owners::Records.new
      ends = denied.flat_map do |parameter|
        component, name = parameter.component_name.to_s, parameter.parameter_name
        gone[{vhost.name, component, name}] = owners.of(vhost.name, component, name)
        vhost.parameters.delete(parameter.name, save: false)
        component == VHost::SHOVEL ? [vhost.shovels.tokenward_take(name)].compact : vhost.upstreams.tokenward_take(component, name)
      end
      ends.each { |one| spawn(name: "TokenwardAuth::Denials end") { end_quietly(one) } }
      begin
        vhost.parameters.save!
        owners.forget(gone)
      rescue ex # it would end the broker at its start. The records stay, for the next one
        denied.each do |parameter|
          Log.error do
            "#{parameter.component_name} #{parameter.parameter_name.dump} in #{vhost.name.dump} can't be deleted, and is " \
            "stopped: #{ex.message}"
          end
        end
      end
    rescue ex
      Log.error { "what denied users made in #{vhost.name.dump} can't be deleted: #{ex.message}" }
    end

    private def self.denied?(owners : Owners, vhost : VHost, parameter : Parameter) : Bool
      # The record of what is there takes a hash of it: only for those of whom one is denied.
      return false unless owners.of(vhost.name, parameter.component_name, parameter.parameter_name).any?(&.maker.denied?)
      return false unless (owner = owners.maker(vhost.name, parameter)) && owner.maker.denied?
      Log.warn do
        "#{parameter.component_name} #{parameter.parameter_name.dump} in #{vhost.name.dump}, made by #{owner.username.dump} " \
        "of #{owner.issuer}, is deleted: the operator denies its maker (denied_file)"
      end
      true
    end

    private def self.end_quietly(one : Proc(Nil)) : Nil
      one.call
    rescue ex
      Log.info { "the end of what a denied user made: #{ex.message}" }
    end
  end
end

class LavinMQ::VHost
  private def apply_parameters(parameter : Parameter? = nil)
    unless parameter # it is one that was made now
      TokenwardAuth::Denials.delete_denied(self)
      # LavinMQ applies them in the order in which they were made first. An upstream that was made anew stands behind its set.
      @parameters.values.select { |one| one.component_name == FEDERATION_UPSTREAM_SET }.each do |set|
        @parameters.delete(set.name, save: false)
        @parameters.create(set, save: false)
      end
    end
    previous_def
  end
end
