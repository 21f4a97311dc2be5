private def write(name : String, text : String) : String
  path = "#{World::DIRECTORY}/#{name}"
  File.write(path, text, perm: 0o600)
  path
end

private def ini(name : String, more = "") : String
  write(name, "[oauth]\nissuer = #{World::ISSUER}\naudience = broker\nscope_prefix =\n" \
              "ca_file = #{World::DIRECTORY}/ca.pem\nlog_level = error\n#{more}")
end

describe "a configuration" do
  it "comes from one file, from several, and from JSON, which wins" do
    Tokenward::Backend.new(ini("one.ini")).close
    backend = Tokenward::Backend.new([ini("one.ini"), write("two.ini", "[oauth]\naudience = shop\n")])
    JSON.parse(backend.inspect_token(World.token))["section"].should eq("oauth")
    failure = World.failure { backend.authenticate(World.bearer(World.token), wait: 1.minute) }
    failure.reason_name.should eq("WRONG_AUDIENCE")
    backend.close
    backend = Tokenward::Backend.new([ini("one.ini"), write("two.ini", "[oauth]\naudience = shop\n")], %({"audience": "broker"}))
    backend.authenticate(World.bearer(World.token), wait: 1.minute).username.should eq("alice")
    backend.close
  end

  it "that isn't right is an error with file, line and key" do
    failure = World.failure { Tokenward::Backend.new(ini("wrong.ini", "clock_scew = 1\n")) }
    failure.should be_a(Tokenward::Error)
    failure.reason_name.should eq("CONFIG_UNKNOWN_KEY")
    failure.message.to_s.should contain("wrong.ini:7")
    failure.message.to_s.should contain("clock_scew")
    World.failure { Tokenward::Backend.new("/nowhere/tokenward.ini") }.reason_name.should eq("CONFIG_UNREADABLE")
    World.failure { Tokenward::Backend.new(config_json: "{") }.reason_name.should eq("CONFIG_SYNTAX")
  end

  it "is checked without starting anything" do
    JSON.parse(Tokenward.config_check(ini("one.ini"))).to_s.should contain(World::ISSUER)
    failure = World.failure { Tokenward.config_check(config_json: %({"issuer": "http://id.example"})) }
    failure.should be_a(Tokenward::Error)
    failure.message.to_s.should contain("http://id.example")
  end

  it "is read again: all or nothing, sessions go on" do
    path = ini("reload.ini")
    backend = Tokenward::Backend.new(path)
    session = backend.authenticate(World.bearer(World.token), wait: 1.minute)
    backend.reload
    backend.authenticate(World.bearer(World.token)).username.should eq("alice") # the keys were kept

    ini("reload.ini", "require_at_jwt = true\n")
    backend.reload
    World.failure { backend.authenticate(World.bearer(World.token)) }.reason_name.should eq("WRONG_TYPE")

    ini("reload.ini", "nonsense\n")
    failure = World.failure { backend.reload }
    failure.should be_a(Tokenward::Error)
    failure.reason_name.should eq("CONFIG_SYNTAX")
    World.failure { backend.authenticate(World.bearer(World.token)) }.reason_name.should eq("WRONG_TYPE")

    backend.reload(config_json: World.config)
    backend.authenticate(World.bearer(World.token)).username.should eq("alice")
    session.authorize?(:read, "/", "q").should be_true
    backend.close
  end
end

describe "denied_file" do
  it "ends sessions at the reload, refuses logins, and names the makers of what outlives them" do
    denied = write("denied", "")
    backend = World.backend({"denied_file" => denied})
    alice = backend.authenticate(World.bearer(World.token("alice")))
    bob = backend.authenticate(World.bearer(World.token("bob")))
    backend.identity_denied?(alice.issuer, "alice", Time.utc).should be_false

    write("denied", "username alice\nissued_before 2026-01-01T00:00:00Z username bob\n")
    backend.reload
    alice.expires_at.not_nil!.should be <= Time.utc
    alice.authorize(:read, "/", "q").should eq(Tokenward::Verdict::Expired)
    alice.authorize(:read, "/", "q", flags: Tokenward::RequestFlags::PastEnd).should eq(Tokenward::Verdict::Expired)
    bob.authorize?(:read, "/", "q").should be_true
    {World.failure { backend.authenticate(World.bearer(World.token("alice"))) },
     World.failure { alice.refresh(World.bearer(World.token("alice"))) }}.each do |failure|
      failure.should be_a(Tokenward::Refused)
      failure.reason_name.should eq("DENIED_BY_OPERATOR")
    end
    backend.identity_denied?(alice.issuer, "alice", Time.utc).should be_true
    backend.identity_denied?("https://other.example", "alice", Time.utc).should be_true # the line is for all sections
    backend.identity_denied?(bob.issuer, "bob", Time.utc(2026, 1, 1)).should be_false
    backend.identity_denied?(bob.issuer, "bob", Time.utc(2025, 12, 31)).should be_true

    # The token's time counts, not that of what was made with it.
    issued_at = bob.issued_at.not_nil!
    write("denied", "issued_before #{(issued_at + 1.second).to_rfc3339}\n")
    backend.reload
    backend.identity_denied?(bob.issuer, "bob", issued_at).should be_true
    backend.identity_denied?(bob.issuer, "bob", issued_at + 1.second).should be_false
    write("denied", "username alice\n")
    backend.reload

    write("denied", "nobody knows\n")
    World.failure { backend.reload }.should be_a(Tokenward::Error)
    backend.identity_denied?(alice.issuer, "alice", Time.utc).should be_true
    backend.close
    World.failure { backend.identity_denied?(alice.issuer, "alice", Time.utc) }.reason_name.should eq("BACKEND_CLOSED")
  end
end

describe "for operators" do
  it "shows a token without verifying it, refuses what isn't one" do
    shown = JSON.parse(World.shared.inspect_token(World.token("bob", "read:v/q", {"signer" => "stranger"})))
    shown["verified"].should eq(false)
    shown["payload"]["sub"].should eq("bob")
    shown["permissions"].should eq(["read:v/q"])
    JSON.parse(Tokenward.inspect_token(World.token("bob", "read:v/q")))["permissions"].should eq(["read:v/q"])
    World.failure { Tokenward.inspect_token("a.b.c") }.should be_a(Tokenward::Refused)
    failure = World.failure { World.shared.inspect_token("no token") }
    failure.should be_a(Tokenward::Refused)
    failure.message.to_s.should_not be_empty
  end

  it "has a status and metrics" do
    JSON.parse(World.shared.status)["sections"][0]["issuer"].should eq(World::ISSUER)
    World.shared.metrics.should contain("# TYPE tokenward_")
  end

  it "fetches texts of any length" do
    functions = Tokenward::Library.default.functions
    scopes = (1..300).join(' ') { |number| "read:vhost-#{number}/queue-#{number}" }
    long = World.shared.inspect_token(World.token("bob", scopes))
    JSON.parse(long)["permissions"].size.should eq(300)
    token = World.token("bob", "read:a/b")
    {1, 2, long.bytesize, long.bytesize + 1}.each do |size|
      result, text = Tokenward::Text.collect(size) do |buffer, room, length|
        functions.inspect.call(Pointer(Void).null, token.to_unsafe, LibC::SizeT.new(token.bytesize), buffer, room, length,
          Pointer(LibTokenward::Error).null)
      end
      result.should eq(LibTokenward::OK)
      JSON.parse(text)["permissions"].should eq(["read:a/b"])
    end
  end

  it "has many tags" do
    names = (1..100).map { |number| "tag-#{number.to_s.rjust(3, '0')}" }
    World.session(names.join(' ') { |name| "tag:#{name}" }).tags.should eq(names)
  end
end
