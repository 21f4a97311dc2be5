require "digest/sha256"

module LavinMQ::TokenwardAuth
  # Who made the shovels, federation upstreams and upstream sets that a token's user made: LavinMQ doesn't record it. Kept
  # in a file of LavinMQ's data folder, which its cluster copies to the followers.
  class Owners
    FILE       = "tokenward_owners.json"
    COMPONENTS = {VHost::SHOVEL, VHost::FEDERATION_UPSTREAM, VHost::FEDERATION_UPSTREAM_SET}

    struct Owner
      include JSON::Serializable

      getter vhost : String
      getter component : String
      getter name : String
      # The identity: an issuer's user.
      getter issuer : String
      getter username : String
      getter made_at : ::Time
      # Of what was made: without the add-on it may have been changed by somebody else.
      getter sha256 : String
      # Whether the token had that tag then.
      getter? administrator = false

      def initialize(@vhost, @component, @name, @issuer, @username, @sha256, @administrator, @made_at = ::Time.utc)
      end

      def made?(parameter : Parameter) : Bool
        @sha256 == Owner.sha256_of(parameter)
      end

      def self.sha256_of(parameter : Parameter) : String
        Digest::SHA256.hexdigest(parameter.value.to_json)
      end

      def same?(user : User) : Bool
        issuer == user.session.issuer && username == user.session.username
      end

      def same?(other : Owner) : Bool
        issuer == other.issuer && username == other.username
      end
    end

    # vhost, component, name
    alias Id = {String, String, String}

    @lock = Mutex.new
    @owners = Hash(Id, Owner).new

    def initialize(data_dir : String, @replicator : Clustering::Replicator?)
      @path = File.join(data_dir, FILE)
      load
    end

    def []?(vhost : String, component : String?, name : String) : Owner?
      return nil unless component
      @lock.synchronize { @owners[{vhost, component, name}]? }
    end

    def owned_by?(user : User, vhost : String, component : String?, name : String) : Bool
      owner = self[vhost, component, name]?
      !owner.nil? && owner.same?(user)
    end

    # Of what is there, if it is as it was made: at the start `compare_with` comes later than the first use of a parameter.
    def maker(vhost : VHost, component : String, name : String) : Owner?
      owner = self[vhost.name, component, name]? || return nil
      parameter = vhost.parameters[{component, name}]?
      owner if parameter && owner.made?(parameter)
    end

    # Raises if the file can't be written.
    def record(vhost : String, component : String, parameter : Parameter, user : User) : Nil
      name, identity = parameter.parameter_name, user.session
      administrator = user.tags.any?(&.administrator?)
      owner = Owner.new(vhost, component, name, identity.issuer, identity.username, Owner.sha256_of(parameter), administrator)
      @lock.synchronize do
        @owners[{vhost, component, name}] = owner
        save
      end
    end

    def forget(vhost : String, component : String?, name : String) : Nil
      return unless component
      @lock.synchronize do
        save if @owners.delete({vhost, component, name})
      end
    rescue ex : ::IO::Error
      Log.error { "#{@path} can't be written: #{ex.message}" } # at the next start the entry is dropped
    end

    # Drops what isn't there any more, or not as it was made: the broker may have run without the add-on.
    def compare_with(vhosts : VHostStore) : Nil
      @lock.synchronize do
        before = @owners.size
        @owners.select! do |(vhost, component, name), owner|
          vhosts[vhost]?.try(&.parameters[{component, name}]?).try { |parameter| owner.made?(parameter) }
        end
        save if @owners.size != before
      end
    rescue ex : ::IO::Error
      Log.error { "#{@path} can't be written: #{ex.message}" }
    end

    # Says once what has no recorded owner.
    def list_others(vhosts : VHostStore) : Nil
      others = [] of String
      vhosts.each do |vhost_name, vhost|
        vhost.parameters.values.each do |parameter|
          component, name = parameter.component_name, parameter.parameter_name
          next unless component && COMPONENTS.includes?(component)
          others << "#{component} #{name.dump} in #{vhost_name.dump}" unless self[vhost_name, component, name]?
        end
      end
      return if others.empty?
      more = others.size > 5 ? ", ..." : ""
      Log.info do
        "#{others.size} shovels, upstreams or upstream sets were not made with a token and stay as they are: " \
        "#{others.first(5).join(", ")}#{more}. Look for addresses without a user or a host in them: LavinMQ opens these " \
        "as its default user or its internal one"
      end
    end

    private def load : Nil
      return unless File.exists?(@path)
      File.open(@path) do |file|
        Array(Owner).from_json(file).each { |owner| @owners[{owner.vhost, owner.component, owner.name}] = owner }
        @replicator.try &.register_file(file)
      end
    rescue ex # of JSON, of a time, of a text: LavinMQ wouldn't start
      kept = "#{@path}.broken"
      Log.error do
        "#{@path} can't be read, so who made shovels and upstreams is not known; it is kept as #{kept}: #{ex.message}"
      end
      File.rename(@path, kept) rescue nil
    end

    private def save : Nil
      temporary = "#{@path}.tmp"
      File.open(temporary, "w", perm: 0o600) do |file|
        file.chmod(0o600)
        @owners.values.to_pretty_json(file)
        file.fsync
      end
      File.rename(temporary, @path)
      @replicator.try &.replace_file(@path)
    end
  end

  class_property owners : Owners?
end

class LavinMQ::VHostStore
  def load!
    # Before LavinMQ applies the parameters: it asks for their owners.
    owners = TokenwardAuth.owners = TokenwardAuth::Owners.new(@data_dir, @replicator)
    previous_def
    owners.compare_with(self)
  end
end

class LavinMQ::Auth::Chain
  # LavinMQ calls this when the vhosts are loaded.
  def self.create(config : Config, users : UserStore) : Chain
    chain = previous_def
    if TokenwardAuth.current && (owners = TokenwardAuth.owners) && (vhosts = TokenwardAuth.vhosts)
      owners.list_others(vhosts)
    end
    chain
  end
end
