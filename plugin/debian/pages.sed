# A page of the tree, as the packages install it. What is for those who have the source tree stays there.
/^<!-- in the source tree -->$/,/^<!-- end -->$/d
s,By Debian packages\, which `sh tests/packages\.sh` makes,By Debian packages,
s,^cd build-packages/.*,cd FOLDER-OF-THE-PACKAGES,
s, \(\[measured\]\(#[a-z-]*\)\),,g
s, \(`tests/[a-z/_.]*`\),,g
s,/usr/lib/x86_64-linux-gnu/mosquitto_tokenward,/usr/lib/@multiarch@/mosquitto_tokenward,g
# Where a page of the tree that another one links to lies.
s,\]\((\.\./)*(src/)?config/examples/README\.md,](/usr/share/doc/tokenward/examples/providers/README.md,g
s,\]\((\.\./)*(src/)?config/README\.md,](/usr/share/doc/tokenward/CONFIGURATION.md,g
s,\]\(README\.md#which-issuer,](/usr/share/doc/tokenward/CONFIGURATION.md#which-issuer,g
s,\]\((\.\./)*(src/config/)?several_providers\.md,](/usr/share/doc/tokenward/several_providers.md,g
s,\]\((\.\./)*(src/)?access/README\.md,](/usr/share/doc/tokenward/SCOPES.md,g
s,\]\((\.\./)*(src/)?keys/README\.md,](/usr/share/doc/tokenward/KEYS.md,g
s,\]\((\.\./)*(src/)?claims/README\.md,](/usr/share/doc/tokenward/CLAIMS.md,g
s,\]\((\.\./)*((plugin/)?cli/)?(STOLEN|TROUBLESHOOTING)\.md,](/usr/share/doc/tokenward/\4.md,g
s,\]\(\.\./lavinmq/README\.md,](/usr/share/doc/lavinmq-tokenward/README.md,g
s,\]\(\.\./crystal/README\.md,](/usr/share/doc/lavinmq-tokenward/CRYSTAL.md,g
s,\]\(\.\./README\.md,](/usr/share/doc/tokenward/CONFIGURATION.md,g
s,\]\((\.\./\.\./abi/)?(tokenward\.h(pp)?|reasons\.def),](/usr/include/tokenward/\2,g
s,\]\((tokenward-(rabbitmq\.conf|lavinmq\.ini)),](examples/\1,g
