# What a token is like, what /mint is told for it, and the reason of the refusal.
private REFUSALS = {
  {"expired", {"lifetime" => "-600"}, "TOKEN_EXPIRED", 402},
  {"of a stranger's key", {"signer" => "stranger"}, "BAD_SIGNATURE", 311},
  {"for somebody else", {"claim.aud" => %("shop")}, "WRONG_AUDIENCE", 401},
  {"of another issuer", {"claim.iss" => %("https://evil.example")}, "WRONG_ISSUER", 400},
  {"without a name", {"claim.sub" => ""}, "NO_USERNAME", 409},
  {"with a newline in its name", {"claim.sub" => %("a\\nb")}, "INVALID_USERNAME", 410},
  {"with crit", {"header.crit" => %(["exp"])}, "CRITICAL_HEADER", 305},
  {"an ID token", {"claim.nonce" => %("n")}, "NOT_AN_ACCESS_TOKEN", 407},
  {"without an end", {"claim.exp" => ""}, "NO_EXPIRY", 403},
}

describe "authenticate" do
  it "makes a session of a good token: username, issuer, tags, end" do
    session = World.session("tag:monitoring tag:administrator read:v/q", "alice")
    session.username.should eq("alice")
    session.issuer.should eq(World::ISSUER)
    session.tags.should eq(["administrator", "monitoring"])
    # Five minutes and ten seconds of clock_skew from when it was minted.
    (session.expires_at.not_nil! - Time.utc).should be_close(310.seconds, 60.seconds)
    session.inspect.should eq(%(#<Tokenward::Session "alice">))
    session.close
  end

  it "takes each kind of credentials, as text and as bytes" do
    token = World.token
    basic = "Basic " + Base64.strict_encode("alice:#{token}")
    {
      Tokenward::Credentials.bearer(token),
      Tokenward::Credentials.bearer(token.to_slice),
      Tokenward::Credentials.plain("\0whoever\0#{token}"),
      Tokenward::Credentials.plain("\0whoever\0#{token}".to_slice),
      Tokenward::Credentials.oauthbearer("n,,\u{1}auth=Bearer #{token}\u{1}\u{1}"),
      Tokenward::Credentials.username_password("whoever", token),
      Tokenward::Credentials.username_password(Bytes.empty, token.to_slice),
      Tokenward::Credentials.http_authorization("Bearer #{token}"),
      Tokenward::Credentials.http_authorization(basic),
    }.each { |credentials| World.shared.authenticate(credentials).username.should eq("alice") }
  end

  {% for row in REFUSALS %}
    it "refuses a token {{row[0].id}}" do
      token = World.token(fields: {{row[1]}})
      failure = World.failure { World.shared.authenticate(World.bearer(token)) }
      failure.should be_a(Tokenward::Refused)
      failure.reason_name.should eq({{row[2]}})
      failure.reason.should eq({{row[3]}})
      failure.message.to_s.should_not be_empty
      failure.hint.should_not be_empty
      failure.message.to_s.should_not contain(token)
      World.shared.try_authenticate(World.bearer(token)).should be_a(Tokenward::Refused)
    end
  {% end %}

  it "leaves a password to the next of a chain" do
    failure = World.failure { World.shared.authenticate(Tokenward::Credentials.username_password("guest", "swordfish")) }
    failure.should be_a(Tokenward::NotAToken)
    failure.reason_name.should eq("NOT_A_TOKEN")
    failure.message.to_s.should_not be_empty
    failure.message.to_s.should_not contain("swordfish")
    World.shared.try_authenticate(Tokenward::Credentials.username_password("", "")).should be_a(Tokenward::Failure)
  end

  it "refuses an opaque bearer token: no chain's next one gets it" do
    World.failure { World.shared.authenticate(World.bearer("0123456789")) }.should be_a(Tokenward::Refused)
  end

  it "prints neither tokens nor passwords" do
    credentials = Tokenward::Credentials.username_password("name", "secret")
    "#{credentials} #{credentials.inspect}".should eq(
      "Tokenward::Credentials(UsernamePassword) Tokenward::Credentials(UsernamePassword)")
    World.shared.inspect.should eq("#<Tokenward::Backend>")
  end

  it "takes any bytes in the context" do
    context = Tokenward::Context.new("amqp", "127.0.0.1:1\n", "\0\u{202e}", "name", "x" * 100_000,
      client_certificate_sha256: Bytes.new(32, 255_u8), client_id_bound: true)
    World.shared.authenticate(World.bearer(World.token), context).username.should eq("alice")
  end

  it "takes no certificate's hash of another length" do
    context = Tokenward::Context.new(client_certificate_sha256: Bytes.new(31))
    failure = World.failure { World.shared.authenticate(World.bearer(World.token), context) }
    failure.should be_a(Tokenward::Error)
    failure.reason_name.should eq("INVALID_ARGUMENT")
  end

  it "answers an error once the backend is closed" do
    backend = World.backend
    session = backend.authenticate(World.bearer(World.token))
    backend.close
    backend.close
    backend.closed?.should be_true
    failure = World.failure { backend.authenticate(World.bearer(World.token), wait: 1.minute) }
    failure.should be_a(Tokenward::Error)
    failure.reason_name.should eq("BACKEND_CLOSED")
    World.failure { backend.status }.reason_name.should eq("BACKEND_CLOSED")
    World.failure { backend.reload }.reason_name.should eq("BACKEND_CLOSED")
    # Its sessions go on.
    session.authorize?(:read, "/", "q").should be_true
    session.username.should eq("alice")
  end

  it "expires a session at its end, not before" do
    backend = World.backend({"clock_skew" => 0})
    session = backend.authenticate(World.bearer(World.token(fields: {"lifetime" => "3"})), wait: 1.second)
    ending = session.expires_at.not_nil!
    loop do
      before = Time.utc
      verdict = session.authorize(:read, "/", "q")
      access = session.vhost_access("/")
      after = Time.utc
      {verdict, access}.each(&.should eq(Tokenward::Verdict::Allowed)) if after < ending
      # The library asks the coarse clock, which is some milliseconds behind.
      next sleep 20.milliseconds if before < ending + 1.second
      {verdict, access}.each(&.should eq(Tokenward::Verdict::Expired))
      break
    end
    session.authorize?(:read, "/", "q").should be_false
    session.can_access_vhost?("/").should be_false
    # For a will: by the last rights, although the time has run out.
    past_end = Tokenward::RequestFlags::PastEnd
    session.authorize(:read, "/", "q", flags: past_end).should eq(Tokenward::Verdict::Allowed)
    session.authorize(:write, "/", "q", flags: past_end).should eq(Tokenward::Verdict::Denied)
    JSON.parse(session.explain(:read, "/", "q"))["reason"].should eq("SESSION_EXPIRED")
    backend.close
  end

  it "says no end where there is none, and the end of the calendar where it is farther" do
    backend = World.backend({"require_exp" => "false", "max_session" => 0})
    endless = backend.authenticate(World.bearer(World.token(fields: {"claim.exp" => ""})))
    endless.expires_at.should be_nil
    late = backend.authenticate(World.bearer(World.token(fields: {"claim.exp" => "900000000000000"})))
    late.expires_at.should eq(Time.utc(9999, 12, 31, 23, 59, 59))
    (Time.utc - late.issued_at.not_nil!).should be_close(0.seconds, 60.seconds)
    backend.authenticate(World.bearer(World.token(fields: {"claim.iat" => ""}))).issued_at.should be_nil
    ancient = backend.authenticate(World.bearer(World.token(fields: {"claim.iat" => "-900000000000000"})))
    ancient.issued_at.should eq(Time.utc(1, 1, 1))
    late.authorize?(:read, "/", "q").should be_true
    backend.close
  end
end

describe "a token that is bound to a certificate" do
  it "needs that certificate, at a refresh too" do
    mine, other = Bytes.new(32, 1_u8), Bytes.new(32, 2_u8)
    bound = {"claim.cnf" => {"x5t#S256" => Base64.urlsafe_encode(mine, padding: false)}.to_json}
    with_mine = Tokenward::Context.new(client_certificate_sha256: mine)
    token = World.bearer(World.token(fields: bound))
    session = World.shared.authenticate(token, with_mine)
    session.refresh(token, with_mine)
    World.failure { session.refresh(token) }.reason_name.should eq("SENDER_CONSTRAINED")
    World.failure { World.shared.authenticate(token) }.reason_name.should eq("SENDER_CONSTRAINED")
    failure = World.failure { World.shared.authenticate(token, Tokenward::Context.new(client_certificate_sha256: other)) }
    failure.reason_name.should eq("CERTIFICATE_MISMATCH")
  end
end
