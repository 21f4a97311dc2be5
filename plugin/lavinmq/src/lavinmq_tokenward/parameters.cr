# Checks of parameters and policies that a token's user writes. Every way to write them, also an import of definitions,
# ends in VHost, which knows no user. So the fiber that serves a request knows it.
class Fiber
  # :nodoc:
  property tokenward_request : ::HTTP::Server::Context?
  # :nodoc: While it imports definitions, and LavinMQ writes the parameters at the end: records to drop then.
  property tokenward_import : LavinMQ::TokenwardAuth::Owners::Records?
end

module LavinMQ::TokenwardAuth
  # The token's user whose HTTP request the running fiber serves.
  def self.requester : User?
    Fiber.current.tokenward_request.try(&.user).as?(User)
  end

  # LavinMQ keeps its last log lines in memory, and a pattern or a name may be as long as a body.
  LONGEST_REASON = 1000

  # Ends the request that the running fiber serves.
  def self.refuse(user : User, status : Int32, error : String, reason : String) : NoReturn
    reason = "#{reason[0, LONGEST_REASON]}..." if reason.size > LONGEST_REASON
    Log.warn { "HTTP: refused to user #{user.name.dump}: #{reason}" }
    if response = Fiber.current.tokenward_request.try(&.response)
      response.status_code = status
      {error: error, reason: reason}.to_json(response)
    end
    raise HTTP::Controller::HaltRequest.new(reason)
  end

  # A request may take long: an import of definitions, one that waits for the server of what it replaces.
  def self.refuse_if_ended : Nil
    return unless (user = requester) && user.ended?
    refuse(user, 401, "token_expired", "the token has ended")
  end

  def self.check_addresses(component : String?, value : JSON::Any) : Nil
    return unless user = requester
    fault = OutgoingAddresses.fault(component, value)
    refuse(user, 400, "bad_request", fault) if fault
  end

  # In the block LavinMQ stores the parameter and applies it.
  def self.storing(vhost : VHost, parameter : Parameter, &)
    component, name = parameter.component_name, parameter.parameter_name
    refuse_if_ended
    check_addresses(component, parameter.value)
    before = owners.try &.of(vhost.name, component, name)
    made = nil
    if (user = requester) && !is_there?(vhost)
      refuse(user, 404, "not_found", "the vhost was deleted meanwhile")
    end
    if user && component && Owners::COMPONENTS.includes?(component)
      fault = PolicyRights.upstream_fault(user, vhost, component, name) ||
              PolicyRights.set_fault(user, vhost, component, parameter.value)
      refuse(user, 403, "access_refused", fault) if fault
      fault = unknown_upstream(vhost, component, parameter.value)
      refuse(user, 400, "bad_request", fault) if fault
      # Before the parameter is there; who made what it replaces is forgotten afterwards. An entry too many is harmless after
      # a crash.
      begin
        made = owners.try &.record(vhost.name, component, parameter, user)
      rescue ex : ::IO::Error
        refuse(user, 500, "internal_server_error", "who makes it can't be recorded: #{ex.message}")
      end
    else
      owners.try &.forget(vhost.name, component, name, before) if before
    end
    begin
      yield
      # What the reload has looked at before.
      if user && made && user.denied? && vhost.parameters[parameter.name]?.same?(parameter)
        vhost.delete_parameter(component, name)
        refuse_if_ended
      end
    rescue ex
      # LavinMQ drops a parameter that can't be applied. One that it can't write to its file is there until the broker ends.
      # And somebody may have stored another one while LavinMQ waited for the server of what this replaces.
      stored = vhost.parameters[parameter.name]?
      before = if !stored
                 owners.try &.of(vhost.name, component, name)
               elsif made && !stored.same?(parameter)
                 [made]
               end
      raise ex if ex.is_a?(HTTP::Controller::HaltRequest) # it is answered
      refuse_if_ended
      refuse(user, 400, "bad_request", "this LavinMQ can't apply it: #{ex.message}") if user
      raise ex
    ensure
      owners.try &.forget(vhost.name, component, name, before) if before
    end
  end

  # In the block LavinMQ deletes the parameter.
  def self.deleting(vhost : VHost, component : String?, name : String, &)
    before = owners.try &.of(vhost.name, component, name)
    yield
    owners.try &.forget(vhost.name, component, name, before) if before
  end

  private def self.unknown_upstream(vhost : VHost, component : String, set : JSON::Any) : String?
    return nil if component != VHost::FEDERATION_UPSTREAM_SET
    set.as_a.each_with_index do |entry, i|
      upstream = entry["upstream"].as_s
      next if vhost.parameters[{VHost::FEDERATION_UPSTREAM, upstream}]?
      return "entry #{i + 1}: there is no upstream #{upstream.dump} in this vhost: make it first"
    end
    nil
  end

  def self.check_policy(vhost : VHost, name : String, pattern : String, definition : Hash(String, JSON::Any)) : Nil
    refuse_if_ended
    check_change_of_policy(vhost, name)
    return unless user = requester
    fault = PolicyRights.fault_of_pattern(pattern)
    refuse(user, 400, "bad_request", fault) if fault
    fault = PolicyRights.fault(user, vhost.name, pattern, definition)
    refuse(user, 403, "access_refused", fault) if fault
  end

  def self.check_change_of_policy(vhost : VHost, name : String) : Nil
    return unless (user = requester) && (policy = vhost.policies[name]?)
    fault = PolicyRights.fault_of_change(user, vhost.name, policy.pattern.source)
    refuse(user, 403, "access_refused", fault) if fault
  end

  # As a token's user may see it: who may write policies may see every parameter of the vhost, and every global one, but not
  # the passwords that others put into it. LavinMQ's pages don't show any either.
  def self.shown(vhost : String?, parameter : Parameter) : Parameter
    return parameter unless user = requester
    component, name = parameter.component_name, parameter.parameter_name
    return parameter if user.tags.any?(&.administrator?)
    return parameter if vhost && owners.try &.maker(vhost, parameter).try &.same?(user)
    Parameter.new(component, name, OutgoingAddresses.masked(parameter.value))
  end

  # In the block LavinMQ imports definitions, and writes the parameters at the end. So does the add-on with who made them.
  def self.importing(&) : Nil
    fiber = Fiber.current
    records = fiber.tokenward_import = Owners::Records.new
    begin
      yield
    rescue ex
      records.clear # what LavinMQ hasn't written is as it was after the next start
      raise ex
    ensure
      fiber.tokenward_import = nil
      owners.try &.save_what_waits
      owners.try &.forget(records)
    end
  end

  # An import stops at the first parameter that is refused, and has changed something by then. So it is looked at as a
  # whole before.
  def self.check_import(body : JSON::Any) : Nil
    body.as_h?.try(&.["parameters"]?.try(&.as_a?)).try &.each do |parameter|
      next unless members = parameter.as_h?
      component = members["component"]?.try(&.as_s?)
      members["value"]?.try { |value| check_addresses(component, value) }
    end
  end
end

class LavinMQ::HTTP::AuthHandler
  def call(context)
    Fiber.current.tokenward_request = context
    previous_def
  ensure
    Fiber.current.tokenward_request = nil
  end
end

class LavinMQ::HTTP::ParametersController
  private def map_parameter(vhost, p)
    previous_def(vhost, TokenwardAuth.shown(vhost, p))
  end
end

class LavinMQ::ParameterStore(T)
  # LavinMQ logs the whole value of a parameter that it can't apply, and drops it. So it doesn't hear of that in its loop.
  def apply(parameter : Parameter? = nil, &)
    failed = nil
    previous_def(parameter) do |p|
      yield p
    rescue ex
      @log.error do
        "Parameter #{p.component_name}/#{p.parameter_name} can't be applied: #{ex.message}; its value is " \
        "#{TokenwardAuth::OutgoingAddresses.masked(p.value).to_json}"
      end
      delete(p.name) if self[p.name]?.same?(p) # somebody may have replaced it meanwhile
      failed = ex
    end
    raise failed if failed && parameter
  end
end

class LavinMQ::Shovel::Store
  # LavinMQ calls this before it stores a shovel, and fails in several ways if the value isn't formed as it expects.
  def self.validate_config!(config : JSON::Any, user : Auth::BaseUser?)
    TokenwardAuth.check_addresses(VHost::SHOVEL, config)
    previous_def
  end
end

# Since 2.9 these methods have more parameters.
{% begin %}
  {% methods = LavinMQ::VHost.methods %}
  class LavinMQ::VHost
    def add_parameter({{ methods.find { |m| m.name == "add_parameter" }.args.splat }})
      TokenwardAuth.storing(self, p) { previous_def }
    end

    def delete_parameter(component_name, parameter_name)
      TokenwardAuth.deleting(self, component_name, parameter_name) { previous_def }
    end

    def add_policy({{ methods.find { |m| m.name == "add_policy" }.args.splat }}) : Policy
      TokenwardAuth.check_policy(self, name, pattern, definition)
      previous_def
    end

    def delete_policy(name)
      TokenwardAuth.check_change_of_policy(self, name)
      previous_def
    end
  end

  {% scope = LavinMQ.has_constant?("GlobalDefinitions") ? "LavinMQ" : "LavinMQ::HTTP::DefinitionsController" %}
  {% for name in %w[GlobalDefinitions VHostDefinitions] %}
    class {{ scope.id }}::{{ name.id }}
      def import(body{{ (scope == "LavinMQ" ? ", skip_existing = false" : "").id }})
        TokenwardAuth::Bounds.check_import(body)
        TokenwardAuth.check_import(body)
        {% if scope == "LavinMQ" %}
          TokenwardAuth.importing { previous_def }
        {% else %} # to 2.8 LavinMQ writes the parameters one by one
          previous_def
        {% end %}
      end
    end
  {% end %}
{% end %}
