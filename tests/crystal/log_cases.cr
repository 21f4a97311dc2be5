require "log/spec"

# Gathers what comes, and may be slow or broken.
private class Gatherer < Log::Backend
  property broken = false
  @mutex = Mutex.new
  @entries = [] of Log::Entry

  def initialize
    super(:sync)
  end

  def write(entry : Log::Entry) : Nil
    raise "no room on the device" if @broken
    @mutex.synchronize { @entries << entry }
  end

  def entries : Array(Log::Entry)
    @mutex.synchronize { @entries.dup }
  end

  def logins : Int32
    entries.count(&.message.starts_with?("authenticate ok"))
  end

  def lost : Int32
    entries.sum { |entry| entry.message.match(/\A(\d+) log lines were left out/).try(&.[1].to_i) || 0 }
  end
end

private def gather(& : Gatherer, Log ->) : Nil
  gatherer = Gatherer.new
  yield gatherer, Log.new("tokenward", gatherer, :debug)
end

describe "the log" do
  it "gets the library's lines, with their levels" do
    gather do |gatherer, log|
      backend = Tokenward::Backend.new(config_json: World.config({"log_level" => "info"}), log: log)
      token = World.token("alice\u{e9}", "read:*/*")
      context = Tokenward::Context.new("amqp", "127.0.0.1:5672", connection_name: "app-1")
      backend.authenticate(World.bearer(token), context, wait: 1.minute)
      backend.try_authenticate(World.bearer(World.token(fields: {"lifetime" => "-600"})))
      backend.close
      World.eventually("the refusal's line") { gatherer.entries.any?(&.message.includes?("TOKEN_EXPIRED")) }
      keys = gatherer.entries.find!(&.message.starts_with?("keys of ")) # of the library's own thread
      keys.severity.should eq(Log::Severity::Info)
      keys.source.should eq("tokenward")
      good = gatherer.entries.find!(&.message.includes?("authenticate ok"))
      good.severity.should eq(Log::Severity::Info)
      good.message.should contain(%(peer="127.0.0.1:5672" connection_name="app-1"))
      refusal = gatherer.entries.find!(&.message.includes?("TOKEN_EXPIRED"))
      refusal.severity.should eq(Log::Severity::Warn)
      gatherer.entries.each { |entry| entry.message.should_not contain(token) }
    end
  end

  it "gets one line for a login that waited in vain" do
    World.flip("/fault", {"endpoint" => "jwks", "fault" => "hang", "number" => "600"})
    gather do |gatherer, log|
      backend = Tokenward::Backend.new(config_json: World.config({"log_level" => "warning"}), log: log)
      backend.try_authenticate(World.bearer(World.token), wait: 2.seconds).should be_a(Tokenward::TryAgain)
      backend.close
      pending = ->{ gatherer.entries.count(&.message.matches?(/\Aauthenticate .*KEYS_PENDING/)) }
      World.eventually("its line") { pending.call > 0 }
      pending.call.should eq(1)
    end
  ensure
    World.flip("/heal")
  end

  it "gets no line cut or mixed, and the count of those it lost" do
    gather do |gatherer, log|
      backend = Tokenward::Backend.new(config_json: World.config({"log_level" => "info"}), log: log)
      backend.authenticate(World.bearer(World.token), wait: 1.minute)
      token = World.bearer(World.token)
      context = Tokenward::Context.new("amqp", "p" * 64, "c" * 64, "n" * 64, "l" * 64)
      # Without a pause, so that the reading fiber gets no turn: more than the queue holds.
      20_000.times { backend.authenticate(token, context).close }
      backend.close
      World.eventually("20001 lines, come or counted") { gatherer.logins + gatherer.lost == 20_001 }
      gatherer.logins.should be > 0
      gatherer.entries.each do |entry|
        next unless entry.message.starts_with?("authenticate ok")
        entry.message.should match(/\Aauthenticate ok reason=NONE .*expires_at=\d+\z/)
      end
    end
  end

  it "that can't be written stops nothing" do
    gather do |gatherer, log|
      gatherer.broken = true
      backend = Tokenward::Backend.new(config_json: World.config({"log_level" => "info"}), log: log)
      backend.authenticate(World.bearer(World.token), wait: 1.minute)
      sleep 10.milliseconds
      gatherer.broken = false
      World.eventually("a line") do
        backend.authenticate(World.bearer(World.token))
        gatherer.entries.any?(&.message.includes?("authenticate ok"))
      end
      backend.close
    end
  end

  it "has the lines of the last moment when the backend is closed" do
    gather do |gatherer, log|
      backend = Tokenward::Backend.new(config_json: World.config({"log_level" => "info"}), log: log)
      backend.authenticate(World.bearer(World.token), wait: 1.minute)
      100.times { backend.authenticate(World.bearer(World.token("late"))).close }
      backend.close
      World.eventually("all lines") { gatherer.entries.count(&.message.includes?(%(username="late"))) == 100 }
    end
  end

  it "lets go of its descriptors" do
    gather do |gatherer, log|
      before = World.descriptors
      20.times { World.failure { Tokenward::Backend.new(config_json: %({"issuer": 1}), log: log) } }
      20.times { Tokenward::Backend.new(config_json: World.config, log: log).close }
      World.eventually("the descriptors to go") { World.descriptors <= before }
    end
  end

  it "is standard error if the program wants that" do
    path = "#{World::DIRECTORY}/stderr"
    before = IO::FileDescriptor.new(LibC.fcntl(2, 1030, 0)) # F_DUPFD_CLOEXEC
    begin
      File.open(path, "w") { |file| STDERR.reopen(file) }
      backend = Tokenward::Backend.new(config_json: World.config({"log_level" => "info"}), log: nil)
      backend.authenticate(World.bearer(World.token), wait: 1.minute)
      backend.close
    ensure
      STDERR.reopen(before)
    end
    File.read(path).should contain("authenticate ok")
  end

  it "has a warning for a password that isn't a token if no other backend is asked" do
    gather do |gatherer, log|
      backend = Tokenward::Backend.new(config_json: World.config({"log_level" => "info"}), log: log)
      password = Tokenward::Credentials.username_password("bob", "swordfish")
      {"chain", "last"}.each do |name|
        context = Tokenward::Context.new("mqtt", client_id: name, last_backend: name == "last")
        backend.try_authenticate(password, context).should be_a(Tokenward::NotAToken)
      end
      backend.close
      World.eventually("the line") { gatherer.entries.any?(&.message.includes?("NOT_A_TOKEN")) }
      lines = gatherer.entries.select(&.message.includes?("NOT_A_TOKEN"))
      lines.map(&.severity).should eq([Log::Severity::Warn])
      lines.first.message.should start_with(
        %(authenticate not_a_token reason=NOT_A_TOKEN protocol="mqtt" client_id="last": ))
      lines.first.message.should_not contain("swordfish")
    end
  end

  it "gets the line of a denial that the program reports, and no more than the library allows" do
    gather do |gatherer, log|
      backend = Tokenward::Backend.new(config_json: World.config({"log_level" => "info"}), log: log)
      session = backend.authenticate(World.bearer(World.token("alice", "write:%2F/ok/rk.*")), wait: 1.minute)
      context = Tokenward::Context.new("mqtt", "127.0.0.1:1883", "client-1")
      session.report_denial(:write, "/", "ok", "rk.1", context: context) # is allowed: no line
      1000.times { session.report_denial(:write, "/", "ex", "", context: context) }
      backend.close
      session.report_denial(:write, "/", "ex", "", context: context) # too late
      session.close
      session.report_denial(:write, "/", "ex", "", context: context)
      World.eventually("the line") { gatherer.entries.any?(&.message.starts_with?("authorize")) }
      lines = gatherer.entries.select(&.message.starts_with?("authorize"))
      lines.size.should be < 1000
      lines.each(&.severity.should eq(Log::Severity::Warn))
      line = lines.first.message
      line.should start_with("authorize denied reason=NO_MATCHING_SCOPE ")
      line.should contain(%(username="alice" protocol="mqtt" peer="127.0.0.1:1883" client_id="client-1" ) +
                          %(operation=write vhost="/" resource="ex" routing_key="": it needs "write:%2F/ex/))
      line.should contain(%(nearest is "write:%2F/ok/rk.*"))
    end
  end
end
