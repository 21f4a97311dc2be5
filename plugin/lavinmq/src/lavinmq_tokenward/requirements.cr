# Checks, while it is compiled, that LavinMQ has what this add-on builds on. Without this, a method whose name or
# parameters changed in LavinMQ would no longer be overridden, and its check would be lost in silence. Whatever the add-on
# newly needs gets a line here; tests/lavinmq/renamed.py tries each line.
#
# SPDX-License-Identifier: Apache-2.0
{% unless @top_level.has_constant?("LavinMQ") && LavinMQ.has_constant?("Launcher") %}
  {% raise "tokenward: this file needs LavinMQ: compile it together with LavinMQ's src/lavinmq.cr, behind that" %}
{% end %}

module LavinMQ::TokenwardAuth
  private UNKNOWN_LAVINMQ = "tokenward: this LavinMQ isn't one that the add-on knows (2.7 to 2.9)"

  # What `needs` found, for `needs_overridden`.
  private OVERRIDDEN = [] of Nil

  # What `needs_variable` asks for, for `variables_checked`.
  private VARIABLES = [] of Nil

  # A type, a module or a constant that the add-on names.
  private macro needs_type(type)
    {% unless type.resolve? %}
      {% raise "#{UNKNOWN_LAVINMQ.id}: there is no #{type}" %}
    {% end %}
  end

  # Exactly one method of that name, with that many parameters, in the type itself: the add-on defines it anew.
  private macro needs(type, name, parameters, where = "instance")
    needs_type {{type}}
    {% if found = type.resolve? %}
      {% methods = (where == "class" ? found.class.methods : found.methods).select { |m| m.name == name } %}
      {% unless methods.size == 1 && methods[0].args.size == parameters %}
        {% raise "#{UNKNOWN_LAVINMQ.id}: expected one method #{type}##{name.id} with #{parameters} parameters, found " +
                 "#{methods.map { |m| m.args.size }}" %}
      {% end %}
      {% OVERRIDDEN << {type, name, where, 1} %}
    {% end %}
  end

  # As many methods of that name as there are types given, each with one parameter of one of these types.
  private macro needs_overloads(type, name, *restrictions)
    needs_type {{type}}
    {% if found = type.resolve? %}
      {% methods = found.methods.select { |m| m.name == name } %}
      {% unless methods.map(&.args.map(&.restriction).join(";")).sort.join(" ") == restrictions.sort.join(" ") %}
        {% raise "#{UNKNOWN_LAVINMQ.id}: expected methods #{type}##{name.id} for #{restrictions.join(", ").id}, found " +
                 "#{methods.map { |m| m.args }}" %}
      {% end %}
      {% OVERRIDDEN << {type, name, "instance", restrictions.size} %}
    {% end %}
  end

  # A method that the add-on's definition in *type* hides, and reaches by `super`: found in *owner*, nowhere before it,
  # once, and with parameters that are restricted as given ("" for not restricted).
  private macro needs_inherited(type, name, owner, *restrictions)
    needs_type {{type}}
    needs_type {{owner}}
    {% if (found = type.resolve?) && (owns = owner.resolve?) %}
      {% for one in [found] + found.ancestors %}
        {% if one == owns %}
          {% given = one.methods.select { |m| m.name == name && m.args.size == restrictions.size } %}
          {% unless given.size == 1 && given[0].args.map { |a| a.restriction ? a.restriction.stringify : "" }.join(";") == restrictions.join(";") %}
            {% raise "#{UNKNOWN_LAVINMQ.id}: expected one method #{owner}##{name.id} with the parameters #{restrictions}, " +
                     "found #{given.map { |m| m.args }}" %}
          {% end %}
        {% elsif one.methods.any? { |m| m.name == name && m.args.size == restrictions.size } && found.ancestors.includes?(owns) &&
                   (one == found || one.ancestors.includes?(owns)) %}
          {% raise "#{UNKNOWN_LAVINMQ.id}: expected #{type} to have its method #{name.id} from #{owner}, found one in #{one}" %}
        {% end %}
      {% end %}
      {% unless found == owns || found.ancestors.includes?(owns) %}
        {% raise "#{UNKNOWN_LAVINMQ.id}: expected #{type} to inherit from #{owner}" %}
      {% end %}
    {% end %}
  end

  # A method that the add-on only calls, wherever it is defined. It takes that many arguments.
  private macro needs_to_call(type, name, arguments, where = "instance")
    needs_type {{type}}
    {% if found = type.resolve? %}
      {% methods = [] of Nil %}
      {% for one in (where == "class" ? [found.class] : [found] + found.ancestors) %}
        {% for m in one.methods %}
          {% if m.name == name %}
            {% methods << m %}
          {% end %}
        {% end %}
      {% end %}
      {% unless methods.any? { |m| m.args.size >= arguments && m.args.select { |a| a.default_value.is_a?(Nop) }.size <= arguments } %}
        {% raise "#{UNKNOWN_LAVINMQ.id}: expected a method #{type}##{name.id} that takes #{arguments} arguments, found " +
                 "#{methods.map { |m| m.args }}" %}
      {% end %}
    {% end %}
  end

  # An instance variable that the add-on reads or writes, with its type as the compiler prints it.
  private macro needs_variable(type, name, *types)
    needs_type {{type}}
    {% VARIABLES << {type, name, types} %}
  end

  # Fails if LavinMQ asks a user something that the add-on doesn't answer.
  private macro needs_no_other_question(type, known)
    {% for method in type.resolve.methods %}
      {% name = method.name.stringify %}
      {% if (name.starts_with?("can_") || name.ends_with?("?")) && !known.includes?("#{name.id}/#{method.args.size}") %}
        {% raise "#{UNKNOWN_LAVINMQ.id}: #{type} has #{name.id} with #{method.args.size} parameters, which the add-on doesn't " +
                 "answer" %}
      {% end %}
    {% end %}
  end

  # Fails if LavinMQ's HTTP API has a route that changes something and isn't one of `ROUTES`.
  private macro needs_no_other_route(router)
    {% for controller in router.resolve.includers + LavinMQ::HTTP::Controller.all_subclasses %}
      {% for method in controller.methods.select { |m| m.name == "register_routes" || m.name == "initialize" } %}
        {% calls = method.body.is_a?(Expressions) ? method.body.expressions : [method.body] %}
        {% for call in calls %}
          {% if call.is_a?(Call) && %w[delete get patch post put].includes?(call.name.stringify) && call.args.size == 1 %}
            {% route = "#{call.name.stringify.upcase.id} #{call.args[0].id}" %}
            {% unless call.name == "get" || ROUTES.keys.includes?(route) %}
              {% raise "#{UNKNOWN_LAVINMQ.id}: #{controller} has the route #{route.id}, and the add-on doesn't know which right " +
                       "it needs" %}
            {% end %}
          {% end %}
        {% end %}
      {% end %}
    {% end %}
  end

  # ---- users and backends ----
  needs LavinMQ::Auth::Chain, "create", 2, "class"
  needs LavinMQ::Auth::Chain, "authenticate", 1
  needs_variable LavinMQ::Auth::Chain, "backends", "Array(LavinMQ::Auth::Authenticator)"
  needs_to_call LavinMQ::Auth::Chain, "initialize", 1
  needs_to_call LavinMQ::Auth::Authenticator, "authenticate", 1
  needs_to_call LavinMQ::Auth::LocalAuthenticator, "initialize", 1
  needs_inherited LavinMQ::Auth::OAuthAuthenticator, "initialize", LavinMQ::Auth::OAuthAuthenticator, "JWT::TokenVerifier"
  needs_inherited LavinMQ::Auth::OAuthAuthenticator, "authenticate", LavinMQ::Auth::OAuthAuthenticator, "Context"
  needs_inherited LavinMQ::Auth::OAuthAuthenticator, "cleanup", LavinMQ::Auth::OAuthAuthenticator
  needs_variable LavinMQ::Auth::OAuthAuthenticator, "token_verifier", "LavinMQ::Auth::JWT::TokenVerifier"
  needs_to_call LavinMQ::Auth::Context, "username", 0
  needs_to_call LavinMQ::Auth::Context, "password", 0
  needs_inherited LavinMQ::Auth::JWT::TokenVerifier, "initialize", LavinMQ::Auth::JWT::TokenVerifier, "Config", "JWKSFetcher"
  needs_inherited LavinMQ::Auth::JWT::TokenVerifier, "parse_token", LavinMQ::Auth::JWT::TokenVerifier, "String"
  needs_inherited LavinMQ::Auth::JWT::TokenVerifier, "verify_token", LavinMQ::Auth::JWT::TokenVerifier, "String"
  needs_to_call LavinMQ::Auth::JWT::JWKSFetcher, "initialize", 2
  needs_to_call LavinMQ::Auth::JWT::JWKSFetcher, "public_keys", 0
  needs_to_call LavinMQ::Auth::JWT::PublicKeys, "update", 2
  needs_type LavinMQ::Auth::JWT::VerificationError
  needs_type LavinMQ::Auth::JWT::TokenClaim
  needs_type LavinMQ::Auth::JWT::Token
  needs_inherited LavinMQ::Auth::OAuthUser, "initialize",
    LavinMQ::Auth::OAuthUser, "String", "Array(Tag)", "Hash(String, Permissions)", "Time", "JWT::TokenVerifier"
  needs_inherited LavinMQ::Auth::OAuthUser, "on_expiration", LavinMQ::Auth::OAuthUser
  needs_inherited LavinMQ::Auth::OAuthUser, "token_lifetime", LavinMQ::Auth::OAuthUser
  needs_inherited LavinMQ::Auth::OAuthUser, "refresh", LavinMQ::Auth::OAuthUser, "String"
  needs_inherited LavinMQ::Auth::OAuthUser, "cleanup", LavinMQ::Auth::OAuthUser
  needs_inherited LavinMQ::Auth::OAuthUser, "permissions", LavinMQ::Auth::OAuthUser
  needs_inherited LavinMQ::Auth::OAuthUser, "find_permission", LavinMQ::Auth::OAuthUser, "String"
  needs_inherited LavinMQ::Auth::OAuthUser, "can_write?", LavinMQ::Auth::BaseUser, "String", "String", "PermissionCache"
  needs_inherited LavinMQ::Auth::OAuthUser, "can_write?", LavinMQ::Auth::BaseUser, "String", "String"
  needs_inherited LavinMQ::Auth::OAuthUser, "can_read?", LavinMQ::Auth::BaseUser, "String", "String"
  needs_inherited LavinMQ::Auth::OAuthUser, "can_config?", LavinMQ::Auth::BaseUser, "String", "String"
  needs_variable LavinMQ::Auth::OAuthUser, "tags", "Array(LavinMQ::Tag)"
  needs_to_call LavinMQ::Auth::BaseUser, "name", 0
  needs_to_call LavinMQ::Auth::BaseUser, "tags", 0
  needs_to_call LavinMQ::Auth::BaseUser, "can_impersonate?", 0
  needs_to_call LavinMQ::Auth::BaseUser, "clear_permissions_cache", 0
  needs_type LavinMQ::Auth::PermissionCache
  needs_type LavinMQ::Auth::BaseUser::Permissions
  needs_to_call ::RoughTime, "utc", 0, "class"
  needs_no_other_question LavinMQ::Auth::BaseUser,
    ["can_write?/3", "can_write?/2", "can_read?/2", "can_config?/2", "can_impersonate?/0", "perm_match?/2"]
  needs_no_other_question LavinMQ::Auth::OAuthUser, ["wildcard_match?/2"]

  # ---- AMQP ----
  needs LavinMQ::AMQP::ConnectionFactory, "authenticate", 4
  needs LavinMQ::AMQP::Client, "handle_update_secret", 1
  needs LavinMQ::AMQP::Client, "declare_exchange", 1
  needs LavinMQ::AMQP::Client, "declare_new_queue", 1
  needs LavinMQ::AMQP::Client, "read_loop", 0
  needs LavinMQ::AMQP::Channel, "next_msg_headers", 1
  needs_to_call LavinMQ::AMQP::Client, "force_close", 0
  needs_to_call LavinMQ::AMQP::Client, "send_access_refused", 2
  needs_to_call LavinMQ::AMQP::Client, "name", 0
  needs_to_call LavinMQ::AMQP::Client, "user", 0
  needs_to_call LavinMQ::AMQP::Client, "vhost", 0
  needs_to_call LavinMQ::AMQP::Client, "channel_name_prefix", 0
  needs_variable LavinMQ::AMQP::Client, "user", "LavinMQ::Auth::BaseUser"
  needs_variable LavinMQ::AMQP::Client, "vhost", "LavinMQ::VHost"
  needs_variable LavinMQ::AMQP::Client, "socket", "IO"
  needs_variable LavinMQ::AMQP::Client, "channels", "Hash(UInt16, LavinMQ::Client::Channel)"
  needs_variable LavinMQ::AMQP::Channel, "client", "LavinMQ::AMQP::Client"
  needs_to_call LavinMQ::AMQP::Channel, "consumers", 0
  needs_variable LavinMQ::AMQP::Channel, "consumers", "Array(LavinMQ::AMQP::Consumer)",
    "Array(LavinMQ::Client::Channel::Consumer)"
  needs_to_call LavinMQ::AMQP::Consumer, "cancel", 0
  needs_to_call LavinMQ::AMQP::Consumer, "queue", 0
  needs_to_call LavinMQ::AMQP::Queue, "name", 0
  needs_to_call LavinMQ::AMQP::Queue, "generate_name", 0, "class"
  needs LavinMQ::AMQP::Client, "close", 2
  needs LavinMQ::AMQP::Client, "declare_queue", 1
  needs LavinMQ::AMQP::Client, "delete_queue", 1
  needs_to_call LavinMQ::AMQP::Client, "send_precondition_failed", 2
  needs_to_call LavinMQ::AMQP::Client, "send_resource_locked", 2
  needs_to_call LavinMQ::AMQP::Channel, "close", 0
  needs LavinMQ::AMQP::Channel, "consume", 1
  needs LavinMQ::AMQP::Channel, "direct_reply?", 1
  needs LavinMQ::AMQP::Channel, "finish_publish", 1
  needs LavinMQ::AMQP::Channel, "tx_commit", 1
  needs_to_call LavinMQ::AMQP::Channel, "validate_user_id", 1
  needs_variable LavinMQ::AMQP::Client, "last_queue_name", "(String | Nil)"
  needs_variable LavinMQ::AMQP::Channel, "id", "UInt16"
  needs_variable LavinMQ::AMQP::Channel, "running", "Bool"
  needs_variable LavinMQ::AMQP::Channel, "tx", "Bool"
  needs_variable LavinMQ::AMQP::Channel, "tx_publishes", "Array(LavinMQ::AMQP::Channel::TxMessage)"
  needs_variable LavinMQ::AMQP::Channel, "direct_reply_consumer", "(String | Nil)"
  needs_variable LavinMQ::MQTT::Broker, "clients", "Hash(String, LavinMQ::MQTT::Client)"
  needs_variable LavinMQ::WebSocketIO, "ws", "HTTP::WebSocket"
  {% if LavinMQ::VHost.has_method?("direct_reply_consumer?") %}
    needs_to_call LavinMQ::VHost, "direct_reply_consumer?", 1
    needs_to_call LavinMQ::VHost, "direct_reply_consumer_delete", 1
  {% else %} # to 2.8
    needs_to_call LavinMQ::VHost, "direct_reply_consumers", 0
  {% end %}
  needs_type LavinMQ::WebSocketIO

  # ---- MQTT ----
  needs LavinMQ::MQTT::ConnectionFactory, "start", 2
  needs LavinMQ::MQTT::ConnectionFactory, "authenticate", 2
  needs LavinMQ::MQTT::Client, "recieve_publish", 1
  needs LavinMQ::MQTT::Client, "recieve_subscribe", 1
  needs LavinMQ::MQTT::Client, "publish_will", 0
  needs LavinMQ::MQTT::Client, "read_loop", 0
  needs_to_call LavinMQ::MQTT::Client, "close_socket", 0
  needs_to_call LavinMQ::MQTT::Client, "client_id", 0
  needs_to_call LavinMQ::MQTT::Client, "user", 0
  needs_variable LavinMQ::MQTT::Client, "user", "LavinMQ::Auth::BaseUser"
  needs_variable LavinMQ::MQTT::Client, "io", "MQTT::Protocol::IO"
  needs_variable LavinMQ::MQTT::Client, "broker", "LavinMQ::MQTT::Broker"
  needs_variable LavinMQ::MQTT::Client, "will", "(MQTT::Protocol::Will | Nil)"
  needs_to_call LavinMQ::MQTT::Broker, "vhost", 0
  needs_to_call LavinMQ::MQTT::Broker, "sessions", 0
  needs_variable LavinMQ::MQTT::Broker, "sessions", "LavinMQ::MQTT::Sessions"
  needs_to_call LavinMQ::MQTT::Sessions, "[]?", 1
  needs_to_call LavinMQ::ConnectionInfo, "remote_address", 0
  needs_type LavinMQ::MQTT::EXCHANGE

  # ---- HTTP ----
  needs LavinMQ::HTTP::AuthHandler, "call", 1
  needs LavinMQ::HTTP::RequireUserHandler, "call", 1
  needs LavinMQ::HTTP::ConnectionsController, "can_access_connection?", 2
  needs_inherited LavinMQ::HTTP::ExchangesController, "parse_body", LavinMQ::HTTP::Controller, ""
  needs_inherited LavinMQ::HTTP::QueuesController, "parse_body", LavinMQ::HTTP::Controller, ""
  needs_inherited LavinMQ::HTTP::Controller, "get", LavinMQ::HTTP::Router, "String"
  needs_inherited LavinMQ::HTTP::Controller, "put", LavinMQ::HTTP::Router, "String"
  needs_inherited LavinMQ::HTTP::Controller, "post", LavinMQ::HTTP::Router, "String"
  needs_inherited LavinMQ::HTTP::Controller, "patch", LavinMQ::HTTP::Router, "String"
  needs_inherited LavinMQ::HTTP::Controller, "delete", LavinMQ::HTTP::Router, "String"
  needs_type LavinMQ::HTTP::Router::Action
  needs_no_other_route LavinMQ::HTTP::Router
  needs_to_call LavinMQ::HTTP::Controller, "access_refused", 2
  needs_to_call LavinMQ::HTTP::Controller, "bad_request", 2
  needs_to_call LavinMQ::HTTP::Controller, "refuse_unless_policymaker", 2
  needs_to_call LavinMQ::HTTP::Controller, "refuse_unless_administrator", 2
  needs_to_call ::HTTP::Server::Context, "user", 0
  needs_to_call LavinMQ::MQTT::Client, "name", 0

  # ---- the broker ----
  needs LavinMQ::Launcher, "reload_server", 0
  needs LavinMQ::Launcher, "run", 0
  needs_variable LavinMQ::Launcher, "config", "LavinMQ::Config"
  needs LavinMQ::VHostStore, "load!", 0
  needs_to_call LavinMQ::VHostStore, "each", 0
  needs_to_call LavinMQ::VHost, "name", 0
  needs_to_call LavinMQ::VHost, "connections", 0
  needs_variable LavinMQ::VHost, "connections", "Array(LavinMQ::Client)", "LavinMQ::ConnectionStore" # it comes from there
  needs_to_call LavinMQ::Config, "instance", 0, "class"
  needs_to_call LavinMQ::Config, "config_file", 0
  needs_to_call LavinMQ::Config, "auth_backends", 0
  needs_to_call LavinMQ::Config, "clustering?", 0
  needs_to_call LavinMQ::Config, "oauth_issuer_url", 0
  needs_to_call LavinMQ::Config, "oauth_jwks_cache_ttl", 0
  needs_to_call LavinMQ::Config, "mqtt_permission_check_enabled?", 0

  # ---- parameters and policies ----
  needs_variable LavinMQ::VHostStore, "data_dir", "String"
  needs_variable LavinMQ::VHostStore, "replicator", "(LavinMQ::Clustering::Replicator | Nil)"
  needs_to_call LavinMQ::VHost, "parameters", 0
  needs_to_call LavinMQ::VHost, "policies", 0
  needs_to_call LavinMQ::Parameter, "component_name", 0
  needs_to_call LavinMQ::Parameter, "parameter_name", 0
  needs_to_call LavinMQ::Parameter, "value", 0
  needs_to_call LavinMQ::Parameter, "new", 3, "class"
  needs_to_call LavinMQ::Policy, "name", 0
  needs_to_call LavinMQ::Policy, "pattern", 0
  needs_overloads LavinMQ::Policy, "match?", "Queue", "Exchange"
  needs_to_call LavinMQ::Policy, "definition", 0
  needs_to_call LavinMQ::Clustering::Replicator, "register_file", 1
  needs_to_call LavinMQ::Clustering::Replicator, "replace_file", 1
  needs_to_call LavinMQ::Auth::UserStore, "hidden?", 1, "class"
  needs_to_call LavinMQ::Config, "default_user", 0
  needs_to_call LavinMQ::Config, "default_user_only_loopback?", 0
  needs_type LavinMQ::HTTP::Controller::HaltRequest
  needs_type LavinMQ::VHost::SHOVEL
  needs_type LavinMQ::VHost::FEDERATION_UPSTREAM
  needs_type LavinMQ::VHost::FEDERATION_UPSTREAM_SET
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
  needs LavinMQ::ParameterStore, "apply", 1
  needs_type LavinMQ::Shovel::AckMode
  needs_type LavinMQ::Shovel::DeleteAfter
  needs_type LavinMQ::Federation::AckMode

  # ---- federation ----
  needs LavinMQ::Federation::UpstreamStore, "create_upstream", 2
  needs LavinMQ::Federation::UpstreamStore, "create_upstream_set", 2
  needs LavinMQ::Federation::Upstream::Link, "federate", 5
  needs_variable LavinMQ::Federation::UpstreamStore, "upstreams", "Hash(String, LavinMQ::Federation::Upstream)"
  needs_variable LavinMQ::Federation::UpstreamStore, "vhost", "LavinMQ::VHost"
  needs_variable LavinMQ::Federation::Upstream::Link, "upstream", "LavinMQ::Federation::Upstream"
  needs_to_call LavinMQ::Federation::Upstream, "name", 0
  needs ::AMQP::Client::Connection, "tune", 4, "class"
  needs_type ::AMQP::Client::Error

  # ---- what runs for tokens' users, and denials ----
  needs LavinMQ::Shovel::Runner, "run", 0
  needs LavinMQ::Shovel::Runner, "pause", 0
  needs LavinMQ::Shovel::Runner, "terminate", 0
  needs_to_call LavinMQ::Shovel::Runner, "terminated?", 0
  needs_to_call LavinMQ::Shovel::Runner, "delete", 0
  needs_variable LavinMQ::Shovel::Runner, "state", "LavinMQ::Shovel::State"
  needs_type LavinMQ::Shovel::State::Terminated
  needs_variable LavinMQ::Shovel::Runner, "source", "LavinMQ::Shovel::Source"
  needs_variable LavinMQ::Shovel::Runner, "destination", "LavinMQ::Shovel::Destination"
  needs_to_call LavinMQ::Shovel::Destination, "stop", 0
  needs_variable LavinMQ::Shovel::MultiDestinationHandler, "destinations", "Array(LavinMQ::Shovel::Destination)"
  needs_variable LavinMQ::Shovel::AMQPSource, "conn", "(AMQP::Client::Connection | Nil)"
  needs_variable LavinMQ::Shovel::AMQPDestination, "conn", "(AMQP::Client::Connection | Nil)"
  needs LavinMQ::Shovel::Store, "create", 2
  needs_variable LavinMQ::Shovel::Store, "shovels", "Hash(String, LavinMQ::Shovel::Runner)"
  needs_variable LavinMQ::Shovel::Store, "vhost", "LavinMQ::VHost"
  needs LavinMQ::VHost, "stop_shovels", 0
  needs_to_call LavinMQ::VHost, "upstreams", 0
  needs_to_call LavinMQ::VHost, "shovels", 0
  needs LavinMQ::Federation::UpstreamStore, "delete_upstream_set", 1
  needs LavinMQ::Federation::UpstreamStore, "stop_all", 0
  needs_to_call LavinMQ::Federation::UpstreamStore, "do_delete_upstream", 1
  needs_variable LavinMQ::Federation::UpstreamStore, "upstream_sets", "Hash(String, Array(LavinMQ::Federation::Upstream))"
  needs LavinMQ::Federation::Upstream, "close", 0
  needs_to_call LavinMQ::Federation::Upstream, "links", 0
  needs_variable LavinMQ::Federation::Upstream, "q_links", "Hash(String, LavinMQ::Federation::Upstream::QueueLink)"
  needs_variable LavinMQ::Federation::Upstream, "ex_links", "Hash(String, LavinMQ::Federation::Upstream::ExchangeLink)"
  needs LavinMQ::Federation::Upstream::Link, "run_loop", 0
  needs_variable LavinMQ::Federation::Upstream::Link, "upstream_connection", "(AMQP::Client::Connection | Nil)"
  needs_inherited LavinMQ::Federation::Upstream::Link, "state", LavinMQ::Federation::Upstream::Link, ""
  needs_to_call LavinMQ::Federation::Upstream::Link, "stop_link?", 1
  needs_type LavinMQ::Federation::Upstream::Link::State::Terminating
  {% if LavinMQ::Federation::Upstream::Link.has_method?("stop") %}
    needs LavinMQ::Federation::Upstream::Link, "stop", 0
    needs_to_call LavinMQ::Federation::Upstream::Link, "delete", 0
    needs LavinMQ::Federation::Upstream, "delete", 0
  {% else %} # to 2.8
    needs LavinMQ::Federation::Upstream::Link, "terminate", 0
  {% end %}
  needs LavinMQ::Federation::Upstream::ExchangeLink, "cleanup", 0
  needs_to_call ::AMQP::Client::Connection, "closed?", 0
  needs_variable ::AMQP::Client::Connection, "io", "IO"
  needs LavinMQ::VHost, "apply_parameters", 1
  needs_to_call LavinMQ::ParameterStore, "create", 2
  needs_to_call LavinMQ::ParameterStore, "delete", 2
  needs LavinMQ::ParameterStore, "save!", 0

  # ---- the client's certificate ----
  needs_variable ::HTTP::Server::Response, "io", "IO"
  needs_variable ::AMQ::Protocol::Stream, "io", "IO"
  needs_to_call ::OpenSSL::SSL::Socket, "peer_certificate", 0
  needs_to_call ::OpenSSL::X509::Certificate, "digest", 1
  {% if ::OpenSSL::SSL.has_constant?("NativeSocket") %}
    needs_to_call ::OpenSSL::SSL::NativeSocket, "peer_certificate", 0
  {% end %}

  # ---- bounds ----
  needs ::AMQ::Protocol::Table, "from_io", 3, "class"
  {% if ::AMQ::Protocol::Table.struct? %} # to 2.8
    needs_variable ::AMQ::Protocol::Table, "io", "IO::Memory"
  {% else %}
    needs_to_call ::AMQ::Protocol::Table, "to_slice", 0
  {% end %}
  needs_type ::AMQ::Protocol::Error::FrameDecode
  needs LavinMQ::MQTT::Client, "recieve_unsubscribe", 1
  needs_type ::MQTT::Protocol::Error::PacketDecode
  needs_to_call ::MQTT::Protocol::Connect, "will", 0
  needs_to_call ::MQTT::Protocol::Will, "topic", 0
  needs_to_call ::MQTT::Protocol::Publish, "topic", 0
  needs_to_call ::MQTT::Protocol::Subscribe, "topic_filters", 0
  needs_to_call ::MQTT::Protocol::Unsubscribe, "topics", 0
  needs LavinMQ::AMQP::TopicBindingKey, "matches?", 1
  needs_variable LavinMQ::AMQP::TopicBindingKey, "key", "Array(String)"
  needs_to_call LavinMQ::AMQP::RkIterator, "value", 0
  needs_to_call LavinMQ::AMQP::RkIterator, "next", 0
  needs LavinMQ::AMQP::ConsistentHashExchange, "weight", 1
  needs_type LavinMQ::Error::PreconditionFailed
  needs LavinMQ::Deduplication::MemoryCache, "initialize", 1
  needs_variable LavinMQ::Deduplication::MemoryCache(::AMQ::Protocol::Field), "size", "UInt32"
  needs LavinMQ::MQTT::Broker, "subscribe", 2
  needs LavinMQ::MQTT::Broker, "unsubscribe", 2
  needs LavinMQ::MQTT::Broker, "publish", 1
  needs_variable LavinMQ::MQTT::Client, "closed", "(Bool | Nil)"
  needs LavinMQ::HTTP::Controller, "parse_body", 1

  # ---- the end of a token in the middle of a request ----
  needs LavinMQ::HTTP::QueuesController, "encode_body", 4
  needs_to_call ::AMQ::Protocol::Table, "reject!", 0
  needs_variable LavinMQ::AMQP::Channel, "next_publish_exchange_name", "(String | Nil)"
  needs_variable LavinMQ::AMQP::Channel, "next_msg_props", "(AMQ::Protocol::Properties | Nil)"
  needs_type LavinMQ::AMQP::ChannelReplyCode

  # ---- who takes an MQTT client id ----
  needs LavinMQ::MQTT::Broker, "add_client", 4
  needs_to_call LavinMQ::MQTT::Client, "close", 1
end
