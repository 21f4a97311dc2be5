require "ini"

module LavinMQ::TokenwardAuth
  # Gets the library's lines, too: who was accepted, refused, denied what.
  Log = LavinMQ::Log.for "tokenward"

  DEFAULT_CONFIG = "/etc/tokenward/tokenward.ini"

  class_property vhosts : VHostStore?
  class_getter current : Authenticator?

  # Before there is an authenticator.
  @@prepared : ::Tokenward::Backend?

  # The configuration is read before the vhosts are: what denied users made is deleted before LavinMQ applies it. A node of a
  # cluster reads it before it follows: a leader that ends at its start may leave no node that is in sync, so that none can
  # lead. It also has the provider's keys then when it becomes the leader.
  def self.prepare(config : Config) : Nil
    @@prepared = load(config) if config.auth_backends.includes?("oauth")
  end

  def self.backend : ::Tokenward::Backend?
    @@prepared || @@current.try(&.backend)
  end

  # The backend for "oauth" in auth_backends, or nil if nothing is configured: then LavinMQ uses its own backend.
  def self.create(config : Config) : Authenticator?
    backend = @@prepared || load(config)
    return nil unless backend
    @@prepared = nil
    @@current = Authenticator.new(config, backend)
  end

  # Ends the broker if the configuration is wrong: it must not start with other rules for logins than the operator wrote.
  private def self.load(config : Config) : ::Tokenward::Backend?
    files = config_files(config)
    if files.empty?
      Log.warn { "auth_backends has oauth, but there is no [oauth] in lavinmq.ini and TOKENWARD_CONFIG names no file" }
      return nil
    end
    backend = ::Tokenward::Backend.new(files, log: Log)
    Log.info { "libtokenward #{backend.library.version} answers for oauth, configured by #{files.join(", ")}" }
    unless config.mqtt_permission_check_enabled?
      Log.warn do
        "MQTT: permission_check_enabled is off, which holds for local users; clients with a token are checked: " \
        "write:VHOST/mqtt.default to publish, read:VHOST/mqtt.default and write:VHOST/mqtt.CLIENTID to subscribe"
      end
    end
    backend
  rescue ex : ::Tokenward::Failure | INI::ParseException | ::IO::Error
    abort "Error: tokenward: #{told(ex)}"
  end

  # lavinmq.ini, if it has [oauth], then Tokenward's own file: a later file wins, key by key.
  def self.config_files(config : Config) : Array(String)
    files = [] of String
    theirs = config.config_file
    files << theirs if !theirs.empty? && INI.parse(File.read(theirs)).has_key?("oauth")
    if ours = ENV["TOKENWARD_CONFIG"]?
      files << ours unless ours.empty?
    elsif File.exists?(DEFAULT_CONFIG)
      Log.warn do
        "#{DEFAULT_CONFIG} is there, so it is read, and its keys win over lavinmq.ini's. If it is LavinMQ's, name it in " \
        "TOKENWARD_CONFIG; if it is another program's, set TOKENWARD_CONFIG to nothing"
      end
      files << DEFAULT_CONFIG
    end
    files
  end

  # Reads the files again, on SIGHUP. All or nothing; sessions go on, but for the denied ones. The library's line says that it
  # is done, or why not.
  def self.reload : Nil
    return unless backend = self.backend
    files = config_files(Config.instance)
    if files.empty?
      Log.error { "the configuration stays as it was: [oauth] has gone from lavinmq.ini, and there is no other file" }
    else
      backend.reload(files)
      Denials.enforce
    end
  rescue ::Tokenward::Failure
  rescue ex # an exception in a signal's handler ends the broker
    Log.error { "the configuration stays as it was: #{told(ex)}" }
  end

  private def self.told(ex : Exception) : String
    case ex
    when ::Tokenward::Failure then ex.hint.empty? ? ex.message.to_s : "#{ex.message}; #{ex.hint}"
    when INI::ParseException  then "#{Config.instance.config_file}: #{ex.message}"
    else                           ex.message || ex.class.name
    end
  end
end

class LavinMQ::VHostStore
  def load!
    LavinMQ::TokenwardAuth.vhosts = self
    previous_def
  end
end

class LavinMQ::Launcher
  def run
    LavinMQ::TokenwardAuth.prepare(@config)
    previous_def
  end

  private def reload_server
    previous_def
    LavinMQ::TokenwardAuth.reload
  end
end
