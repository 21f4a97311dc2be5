# Checks, while it is compiled, that LavinMQ has what this add-on builds on. Without this, a method whose name or
# parameters changed in LavinMQ would no longer be overridden, and its check would be lost in silence.
#
# SPDX-License-Identifier: Apache-2.0
{% unless @top_level.has_constant?("LavinMQ") && LavinMQ.has_constant?("Launcher") %}
  {% raise "tokenward: this file needs LavinMQ: compile it together with LavinMQ's src/lavinmq.cr, behind that" %}
{% end %}

module LavinMQ::TokenwardAuth
  # Exactly one method of that name, with that many parameters.
  private macro needs(type, name, parameters, where = "instance")
    {% methods = (where == "class" ? type.resolve.class.methods : type.resolve.methods).select { |m| m.name == name } %}
    {% unless methods.size == 1 && methods[0].args.size == parameters %}
      {% raise "tokenward: this LavinMQ isn't one that the add-on knows (2.7 to 2.9): expected one method " +
               "#{type}##{name.id} with #{parameters} parameters, found #{methods.map { |m| m.args.size }}" %}
    {% end %}
  end

  # Fails if LavinMQ asks for a right that the add-on doesn't answer.
  private macro needs_no_other_question(type, known)
    {% for method in type.resolve.methods %}
      {% name = method.name.stringify %}
      {% if name.starts_with?("can_") && !known.includes?("#{name.id}/#{method.args.size}") %}
        {% raise "tokenward: this LavinMQ isn't one that the add-on knows (2.7 to 2.9): #{type} has " +
                 "#{name.id} with #{method.args.size} parameters, which the add-on doesn't answer" %}
      {% end %}
    {% end %}
  end

  needs LavinMQ::Auth::Chain, "create", 2, "class"
  needs LavinMQ::Auth::Chain, "authenticate", 1
  needs LavinMQ::Auth::OAuthAuthenticator, "authenticate", 1
  needs LavinMQ::Auth::OAuthUser, "on_expiration", 0
  needs LavinMQ::Auth::OAuthUser, "token_lifetime", 0
  needs LavinMQ::Auth::OAuthUser, "refresh", 1
  needs LavinMQ::Auth::OAuthUser, "cleanup", 0
  needs LavinMQ::Auth::OAuthUser, "find_permission", 1
  needs LavinMQ::Auth::BaseUser, "can_read?", 2
  needs LavinMQ::Auth::BaseUser, "can_config?", 2
  needs_no_other_question LavinMQ::Auth::BaseUser,
    ["can_write?/3", "can_write?/2", "can_read?/2", "can_config?/2", "can_impersonate?/0"]
  needs LavinMQ::Auth::JWT::TokenVerifier, "parse_token", 1
  needs LavinMQ::Auth::JWT::TokenVerifier, "verify_token", 1
  needs LavinMQ::AMQP::ConnectionFactory, "authenticate", 4
  needs LavinMQ::AMQP::Client, "handle_update_secret", 1
  needs LavinMQ::AMQP::Client, "declare_exchange", 1
  needs LavinMQ::AMQP::Client, "declare_new_queue", 1
  needs LavinMQ::AMQP::Client, "read_loop", 0
  needs LavinMQ::AMQP::Channel, "next_msg_headers", 1
  needs LavinMQ::AMQP::Client, "force_close", 0
  needs LavinMQ::AMQP::Client, "send_access_refused", 2
  needs LavinMQ::AMQP::Consumer, "cancel", 0
  needs LavinMQ::MQTT::ConnectionFactory, "start", 2
  needs LavinMQ::MQTT::ConnectionFactory, "authenticate", 2
  needs LavinMQ::MQTT::Client, "recieve_publish", 1
  needs LavinMQ::MQTT::Client, "recieve_subscribe", 1
  needs LavinMQ::MQTT::Client, "publish_will", 0
  needs LavinMQ::MQTT::Client, "read_loop", 0
  needs LavinMQ::HTTP::AuthHandler, "call", 1
  needs LavinMQ::HTTP::Controller, "parse_body", 1
  needs LavinMQ::Launcher, "reload_server", 0
  needs LavinMQ::VHostStore, "load!", 0
  needs LavinMQ::VHostStore, "each", 0
  needs LavinMQ::Shovel::Store, "validate_config!", 2, "class"
  needs LavinMQ::VHost, "delete_parameter", 2
  needs LavinMQ::VHost, "delete_policy", 1
  needs LavinMQ::HTTP::ParametersController, "map_parameter", 2
  {% begin %}
    {% is_new = LavinMQ.has_constant?("GlobalDefinitions") %} # since 2.9
    {% definitions = is_new ? "LavinMQ" : "LavinMQ::HTTP::DefinitionsController" %}
    needs LavinMQ::VHost, "add_parameter", {{ is_new ? 3 : 1 }}
    needs LavinMQ::VHost, "add_policy", {{ is_new ? 7 : 5 }}
    needs {{ definitions.id }}::GlobalDefinitions, "import", {{ is_new ? 2 : 1 }}
    needs {{ definitions.id }}::VHostDefinitions, "import", {{ is_new ? 2 : 1 }}
  {% end %}
  needs LavinMQ::AMQP::Client, "close", 2
  needs LavinMQ::AMQP::Client, "declare_queue", 1
  needs LavinMQ::AMQP::Client, "delete_queue", 1
  needs LavinMQ::AMQP::Client, "send_precondition_failed", 2
  needs LavinMQ::AMQP::Client, "send_resource_locked", 2
  needs LavinMQ::AMQP::Channel, "close", 0
  needs LavinMQ::AMQP::Channel, "consume", 1
  needs LavinMQ::AMQP::Channel, "direct_reply?", 1
  needs LavinMQ::AMQP::Channel, "finish_publish", 1
  needs LavinMQ::AMQP::Channel, "tx_commit", 1
  needs LavinMQ::AMQP::Channel, "validate_user_id", 1
end
