# Where a page of the tree that another one links to lies in the packages.
s,\]\((\.\./)*src/config/README\.md,](/usr/share/doc/tokenward/CONFIGURATION.md,g
s,\]\(README\.md#which-issuer,](/usr/share/doc/tokenward/CONFIGURATION.md#which-issuer,g
s,\]\((\.\./)*(src/config/)?several_providers\.md,](/usr/share/doc/tokenward/several_providers.md,g
s,\]\((\.\./)*src/access/README\.md,](/usr/share/doc/tokenward/SCOPES.md,g
s,\]\((\.\./)*src/claims/README\.md,](/usr/share/doc/tokenward/CLAIMS.md,g
s,\]\((\.\./)*((plugin/)?cli/)?(STOLEN|TROUBLESHOOTING)\.md,](/usr/share/doc/tokenward/\4.md,g
s,\]\(\.\./lavinmq/README\.md,](/usr/share/doc/lavinmq-tokenward/README.md,g
s,\]\(\.\./crystal/README\.md,](/usr/share/doc/lavinmq-tokenward/CRYSTAL.md,g
s,\]\(\.\./README\.md,](/usr/share/doc/tokenward/CONFIGURATION.md,g
s,\]\((\.\./\.\./abi/)?(tokenward\.h|reasons\.def),](/usr/include/tokenward/tokenward.h,g
s,\]\(tokenward\.hpp,](/usr/include/tokenward/tokenward.hpp,g
s,\]\(tokenward-(rabbitmq\.conf|lavinmq\.ini),](examples/tokenward-\1,g
