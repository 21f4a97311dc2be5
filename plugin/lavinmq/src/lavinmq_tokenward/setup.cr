require "ini"

module LavinMQ::TokenwardAuth
  # Gets the library's lines, too: who was accepted, refused, denied what.
  Log = LavinMQ::Log.for "tokenward"

  DEFAULT_CONFIG = "/etc/tokenward/tokenward.ini"

  class_property vhosts : VHostStore?
  class_getter current : Authenticator?

  # The backend for "oauth" in auth_backends, or nil if nothing is configured: then LavinMQ uses its own backend. Ends the
  # broker if the configuration is wrong: it must not start with other rules for logins than the operator wrote.
  def self.create(config : Config) : Authenticator?
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
    @@current = Authenticator.new(config, backend)
  rescue ex : ::Tokenward::Failure
    abort "Error: tokenward: #{ex.message}#{ex.hint.empty? ? "" : "; #{ex.hint}"}"
  end

  # lavinmq.ini, if it has [oauth], then Tokenward's own file: a later file wins, key by key.
  def self.config_files(config : Config) : Array(String)
    files = [] of String
    theirs = config.config_file
    files << theirs if !theirs.empty? && File.file?(theirs) && INI.parse(File.read(theirs)).has_key?("oauth")
    if ours = ENV["TOKENWARD_CONFIG"]?.presence
      files << ours
    elsif File.exists?(DEFAULT_CONFIG)
      files << DEFAULT_CONFIG
    end
    files
  end

  # Reads the files again, on SIGHUP. All or nothing; sessions go on.
  def self.reload : Nil
    return unless authenticator = @@current
    files = config_files(Config.instance)
    authenticator.backend.reload(files)
    Log.info { "configuration read again" }
  rescue ex : ::Tokenward::Failure
    Log.error { "the configuration stays as it was: #{ex.message}#{ex.hint.empty? ? "" : "; #{ex.hint}"}" }
  end
end

class LavinMQ::VHostStore
  def load!
    LavinMQ::TokenwardAuth.vhosts = self
    previous_def
  end
end

class LavinMQ::Launcher
  private def reload_server
    previous_def
    LavinMQ::TokenwardAuth.reload
  end
end
