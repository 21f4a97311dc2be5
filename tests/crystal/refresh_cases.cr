describe "refresh" do
  it "swaps rights, tags and end for those of a new token of the same user" do
    session = World.session("read:*/* tag:monitoring")
    first = session.expires_at.not_nil!
    session.refresh(World.bearer(World.token("alice", "write:*/*", {"lifetime" => "3000"})))
    session.authorize?(:read, "/", "q").should be_false
    session.authorize?(:write, "/", "q").should be_true
    session.tags.should be_empty
    session.expires_at.not_nil!.should be > first
    session.username.should eq("alice")
  end

  it "refuses another user's token, a bad one, no token; the old rights stay" do
    session = World.session("read:*/*")
    ending = session.expires_at
    {World.token("mallory", "write:*/*") => "IDENTITY_CHANGED",
     World.token("alice", "write:*/*", {"lifetime" => "-600"}) => "TOKEN_EXPIRED",
     World.token("alice", "write:*/*", {"signer" => "stranger"}) => "BAD_SIGNATURE"}.each do |token, reason|
      failure = World.failure { session.refresh(World.bearer(token)) }
      failure.should be_a(Tokenward::Refused)
      failure.reason_name.should eq(reason)
    end
    failure = session.try_refresh(Tokenward::Credentials.username_password("alice", "secret"))
    failure.should be_a(Tokenward::NotAToken)
    session.authorize?(:read, "/", "q").should be_true
    session.authorize?(:write, "/", "q").should be_false
    session.expires_at.should eq(ending)
  end

  it "answers an error after the backend's end; the old rights stay" do
    backend = World.backend
    session = backend.authenticate(World.bearer(World.token))
    backend.close
    failure = World.failure { session.refresh(World.bearer(World.token), wait: 1.minute) }
    failure.should be_a(Tokenward::Error)
    failure.reason_name.should eq("BACKEND_CLOSED")
    session.authorize?(:read, "/", "q").should be_true
  end

  it "keeps the backend alive, which nobody else holds" do
    session = World.backend.authenticate(World.bearer(World.token))
    10.times { GC.collect }
    session.refresh(World.bearer(World.token("alice", "write:*/*")))
    session.authorize?(:write, "/", "q").should be_true
  end
end
