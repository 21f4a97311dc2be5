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
      # The maker's token. nil: an earlier version of the add-on made the record.
      getter issued_at : ::Time?
      # Of what was made: without the add-on it may have been changed by somebody else.
      getter sha256 : String
      # Whether the token had that tag then.
      getter? administrator = false

      def initialize(@vhost, @component, @name, maker : User, @sha256, @made_at = ::Time.utc)
        identity = Maker.of(maker)
        @issuer, @username, @issued_at = identity.issuer, identity.username, identity.since
        @administrator = maker.tags.any?(&.administrator?)
      end

      # Its token is no newer.
      def since : ::Time
        issued_at || made_at
      end

      def maker : Maker
        Maker.new(issuer, username, since)
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
    alias Records = Hash(Id, Array(Owner))

    @lock = Mutex.new
    # The newest last. There is more than one while LavinMQ stores what the newest made: if it ends then, the file has the
    # owner of what is there afterwards, the old or the new.
    @owners = Hash(Id, Array(Owner)).new

    def initialize(data_dir : String, @replicator : Clustering::Replicator?)
      @path = File.join(data_dir, FILE)
      load
    end

    # All that are recorded, of what is there and of what is about to be.
    def of(vhost : String, component : String?, name : String) : Array(Owner)
      return [] of Owner unless component
      @lock.synchronize { @owners[{vhost, component, name}]? } || [] of Owner
    end

    # Of what is there, if it is as it was made.
    def maker(vhost : String, parameter : Parameter) : Owner?
      of(vhost, parameter.component_name, parameter.parameter_name).reverse_each.find(&.made?(parameter))
    end

    def maker(vhost : VHost, component : String, name : String) : Owner?
      vhost.parameters[{component, name}]?.try { |parameter| maker(vhost.name, parameter) }
    end

    # Raises if the file can't be written.
    def record(vhost : String, component : String, parameter : Parameter, user : User) : Owner
      name = parameter.parameter_name
      owner = Owner.new(vhost, component, name, user, Owner.sha256_of(parameter))
      id = {vhost, component, name}
      @lock.synchronize do
        before = @owners[id]? || [] of Owner
        @owners[id] = before + [owner]
        begin
          save_now_or_later
        rescue ex
          @owners[id] = before
          raise ex
        end
      end
      owner
    end

    # What *owners* made isn't there any more.
    def forget(vhost : String, component : String?, name : String, owners : Array(Owner)) : Nil
      forget({ {vhost, component, name} => owners }) if component
    end

    def forget(gone : Records) : Nil
      if later = Fiber.current.tokenward_import
        gone.each { |id, owners| later[id] = (later[id]? || [] of Owner) + owners }
        return
      end
      @lock.synchronize do
        changed = false
        gone.each do |id, owners|
          recorded = @owners[id]? || [] of Owner
          left = recorded - owners
          next if left.size == recorded.size
          changed = true
          left.empty? ? @owners.delete(id) : (@owners[id] = left)
        end
        save if changed
      end
    rescue ex : ::IO::Error
      Log.error { "#{@path} can't be written: #{ex.message}" } # at the next start the entry is dropped
    end

    # Before LavinMQ writes parameters, and at the end of an import.
    def save_what_waits : Nil
      @lock.synchronize { save if @is_waiting }
    end

    # Many writes would stop the broker. The first of an import is written at once: what can't be written isn't made.
    private def save_now_or_later : Nil
      is_import = !Fiber.current.tokenward_import.nil?
      save unless is_import && @is_waiting
      @is_waiting = is_import
    end

    @is_waiting = false

    # Drops what isn't there any more, or not as it was made: the broker may have run without the add-on.
    def compare_with(vhosts : VHostStore) : Nil
      @lock.synchronize do
        before = @owners.values.sum(&.size)
        @owners.transform_values! do |owners, (vhost, component, name)|
          parameter = vhosts[vhost]?.try(&.parameters[{component, name}]?)
          owners.select { |owner| parameter && owner.made?(parameter) }.last(1)
        end
        save if @owners.values.sum(&.size) != before
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
          others << "#{component} #{name.dump} in #{vhost_name.dump}" if of(vhost_name, component, name).empty?
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
        @owners = Array(Owner).from_json(file).group_by { |owner| {owner.vhost, owner.component, owner.name} }
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
        @owners.values.flatten.to_pretty_json(file)
        file.fsync
      end
      File.rename(temporary, @path)
      @is_waiting = false
      @replicator.try &.replace_file(@path)
    end
  end

  class_property owners : Owners?
end

class LavinMQ::ParameterStore(T)
  # So that who made it is known of all that is there after a crash.
  def save!
    TokenwardAuth.owners.try &.save_what_waits
    previous_def
  end
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
