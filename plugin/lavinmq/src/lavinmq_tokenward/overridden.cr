# The second half of requirements.cr, behind all that the add-on changes.
module LavinMQ::TokenwardAuth
  # If LavinMQ's method restricts its parameters otherwise than ours, there is one method of that name more now, and the
  # call may go to LavinMQ's.
  {% for need in OVERRIDDEN %}
    {% type = need[0].resolve %}
    {% methods = (need[2] == "class" ? type.class.methods : type.methods).select { |m| m.name == need[1] } %}
    {% unless methods.size == need[3] %}
      {% raise "#{UNKNOWN_LAVINMQ.id}: #{need[0]}##{need[1].id} takes other types than the add-on's: " +
               "#{methods.map { |m| m.args }}" %}
    {% end %}
  {% end %}

  # The compiler knows the types of instance variables only after all classes are read. This is the first code of the
  # add-on that it looks at then.
  private def self.variables_checked : Bool
    {% for need in VARIABLES %}
      {% variables = need[0].resolve.instance_vars.select { |v| v.name == need[1] } %}
      {% unless variables.any? { |v| need[2].includes?(v.type.stringify) } %}
        {% raise "#{UNKNOWN_LAVINMQ.id}: expected #{need[0]} to have @#{need[1].id} : #{need[2].splat}, found " +
                 "#{variables.map(&.type)}" %}
      {% end %}
    {% end %}
    true
  end

  @@variables_checked : Bool = variables_checked
end
