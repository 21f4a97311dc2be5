#!/usr/bin/env python3
# Does the add-on say so, if LavinMQ lacks what it builds on? A tool by hand; it takes some minutes.
#
#     python3 tests/lavinmq/renamed.py LAVINMQ CRYSTAL [WORD]
#
# LAVINMQ is LavinMQ's source tree with its shards in lib/, CRYSTAL the compiler. For each line of requirements.cr (those
# in which the regular expression WORD is found) a copy of LavinMQ and its shards is changed: the method renamed, given a
# parameter more, its first parameter another type, the variable another type, the type renamed. And there are a question
# and a route more. Each time the compiler must end with the add-on's message, not with an error of its own. LavinMQ's other
# code isn't changed with it: the compiler would find that only later.
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..', 'plugin', 'lavinmq', 'src'))
REQUIREMENTS = os.path.join(ROOT, 'lavinmq_tokenward', 'requirements.cr')
NEED = re.compile(r'^\s+(needs(?:_to_call|_inherited|_overloads|_variable|_type)?) ([A-Z:][\w:]*)(?:\([\w:]+\))?(?:, "([^"]+)"(?:, (.*))?)?$')
TYPE = re.compile(r'^(\s*)(?:abstract |private )*(class|module|struct|enum|lib) ([\w:]+)(?:\([^)]*\))?(?: < ([\w:]+))?')
GETTERS = re.compile(r'^(\s*(?:getter|property)[?!]? [\w, ]*,)\n\s+(?=\w)', re.M)  # a list over more than one line
MESSAGE = "tokenward: this LavinMQ isn't one that the add-on knows"


def needs():
    text = open(REQUIREMENTS).read()
    text = re.sub(r',\n\s+', ', ', text)  # one line each
    for line in text.split('\n'):
        match = NEED.match(line)
        if match:
            kind, name, member, rest = match.groups()
            if member == 'new':
                member = 'initialize'
            if line.startswith('    '):
                line += ' (of some versions only)'
            owner = rest.split(',')[0].strip() if kind == 'needs_inherited' else name
            given = rest.split('"')[1::2] if kind == 'needs_variable' else []
            yield kind, owner.removeprefix('::'), member, given, line.strip()


class Source:
    """A copy of LavinMQ's and its shards' source, and which type each line belongs to."""

    def __init__(self, tree, copy):
        self.tree, self.copy = tree, copy
        for entry in os.listdir(tree):
            if entry in ('src', 'lib'):
                shutil.copytree(os.path.join(tree, entry), os.path.join(copy, entry))
            elif not entry.startswith('.git'):
                os.symlink(os.path.join(tree, entry), os.path.join(copy, entry))
        self.files = {}
        shards = sorted(os.listdir(os.path.join(copy, 'lib')))
        roots = [os.path.join(copy, 'src')] + [os.path.join(copy, 'lib', shard, 'src') for shard in shards]
        for folder, _, names in (found for root in roots for found in os.walk(root)):
            for name in sorted(names):
                if name.endswith('.cr'):
                    path = os.path.join(folder, name)
                    self.files[path] = GETTERS.sub(r'\1 ', open(path).read()).split('\n')
        self.lines = []    # (file, number, type)
        self.parents = {}  # type -> names of its superclass and modules
        for path, lines in self.files.items():
            self.scan(path, lines)

    def scan(self, path, lines):
        inside = []  # (indent, full name)
        for number, line in enumerate(lines):
            if not line.strip():
                continue
            indent = len(line) - len(line.lstrip())
            while inside and indent <= inside[-1][0] and not line.lstrip().startswith(('#', '{%')):
                inside.pop()
            match = TYPE.match(line)
            if match:
                full = '::'.join([one[1] for one in inside] + [match[3].removeprefix('::')])
                if match[4]:
                    self.parents.setdefault(full, []).append(match[4])
                self.lines.append((path, number, full))  # where the type itself stands
                if not re.search(r'; end$|\bend$', line):
                    inside.append((indent, match[3].removeprefix('::')))
                continue
            full = '::'.join(one[1] for one in inside)
            included = re.match(r'\s*include ([\w:]+)', line)
            if included:
                self.parents.setdefault(full, []).append(included[1])
            self.lines.append((path, number, full))

    def with_ancestors(self, name):
        found, known = [name], {full for _, _, full in self.lines}
        for one in found:
            for parent in self.parents.get(one, []):
                scope = one.split('::')
                while True:
                    full = '::'.join(scope + [parent.removeprefix('::')])
                    if full in known or not scope:
                        break
                    scope.pop()
                if full in known and full not in found:
                    found.append(full)
        return found

    def change(self, types, edit):
        """`edit` gets each line of the types; returns how many it changed, and writes the files."""
        changed = {}
        for path, number, full in self.lines:
            if full in types:
                line = changed.get(path, {}).get(number, self.files[path][number])
                edited = edit(line)
                if edited != line:
                    changed.setdefault(path, {})[number] = edited
        for path, edits in changed.items():
            lines = [edits.get(number, line) for number, line in enumerate(self.files[path])]
            open(path, 'w').write('\n'.join(lines))
        return sorted(changed)

    def restore(self, paths):
        for path in paths:
            open(path, 'w').write('\n'.join(self.files[path]))


def renamed(member):
    word = re.escape(member)
    plain = re.escape(member.rstrip('?'))

    def edit(line):
        if '{% for' in line:  # methods of a list of names
            return re.sub(rf'(%w\[.*\b){plain}\b', rf'\g<1>{renamed_name(member)}', line)
        if '{{' in line:
            return line
        line = re.sub(rf'(\bdef (?:self\.)?){word}(?![\w?!=])', rf'\g<1>{renamed_name(member)}', line)
        if re.match(r'\s*(?:private |protected )?(?:class_)?(?:getter|property)[?!]? ', line):
            line = re.sub(rf'(?<![\w@."\']){plain}(?![\w?(])', f'{plain}_renamed', line, count=1)
        return line
    return edit


def renamed_name(member):
    return 'renamed_index?' if member == '[]?' else re.sub(r'([?!]?)$', r'_renamed\1', member, count=1)


def with_parameter(member):
    word = re.escape(member)

    def edit(line):
        line = re.sub(rf'(\bdef (?:self\.)?{word})\((?=\S)', r'\1(renamed_first, ', line)
        return re.sub(rf'(\bdef (?:self\.)?{word})(?![\w?!=(])', r'\1(renamed_first)', line)
    return edit


def of_other_type(member):
    """The first parameter takes a Symbol."""
    return lambda line: re.sub(rf'(\bdef (?:self\.)?{re.escape(member)}\(@?\w+)(?: : [\w:]+\??)?(?=[,)]| =)', r'\1 : Symbol', line)


def variable_of_other_type(name):
    def edit(line):
        line = re.sub(rf'((?<![\w@])@{name}) : ([\w:]+(?:\([^)]*\))?\??)', r'\1 : (\2 | Symbol)', line)
        return re.sub(rf'(\b(?:getter|property) {name}) : ([\w:]+(?:\([^)]*\))?\??)', r'\1 : (\2 | Symbol)', line)
    return edit


def variable_declared(owner, name, given):
    """For a variable whose type the compiler finds out. It is one of those that are given."""
    last = owner.split('::')[-1]
    full = re.sub(r'(?<![\w:])(?=[A-Z])', '::', ' | '.join(given))
    return lambda line: re.sub(rf'^(\s*(?:abstract )?(?:class|struct) (?:\w+::)*{last}(?=[ (]|$).*)',
                               rf'\1; @{name} : {full} | Symbol = :renamed', line)


def type_renamed(name):
    last = name.split('::')[-1]
    return lambda line: re.sub(rf'(\b(?:class|module|struct|enum|record|alias) |^\s*){last}(?=$|[ (;,<])', rf'\g<1>{last}Renamed', line)


def main():
    tree, crystal = (os.path.realpath(one) for one in sys.argv[1:3])
    word = sys.argv[3] if len(sys.argv) > 3 else ''
    failed = count = 0
    with tempfile.TemporaryDirectory() as copy:
        source = Source(tree, copy)

        def compile_it():
            environment = {'version': '2.9.0', 'CRYSTAL_CACHE_DIR': os.path.join(copy, '.crystal'), **os.environ}
            done = subprocess.run(
                [crystal, 'build', '--no-codegen', '--no-color', 'src/lavinmq.cr', os.path.join(ROOT, 'lavinmq_tokenward.cr'),
                 '-Dpreview_mt', '-Dexecution_context'],
                cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            return done.returncode, done.stdout

        def attempt(what, types, edit):
            nonlocal failed, count
            changed = source.change(types, edit)
            count += 1
            if not changed:
                good = 'a parameter more' in what or 'of some versions' in what  # a getter takes none
                failed += not good
                print(f'{"ok" if good else "not ok"} - {what}: nothing to change in {", ".join(types)}', flush=True)
                return
            status, output = compile_it()
            source.restore(changed)
            told = next((line for line in output.split('\n') if line.startswith('Error:') or 'tokenward: this' in line), output[-500:])
            # A type's name may be needed by LavinMQ's own declarations, which the compiler reads before the add-on.
            good = status != 0 and (MESSAGE in output or ROOT not in output)
            failed += not good
            own = ' # before it comes to the add-on' if good and MESSAGE not in output else ''
            print(f'{"ok" if good else "not ok"} - {what}: {"compiles" if status == 0 else told}{own}', flush=True)

        status, output = compile_it()
        print(f'{"ok" if status == 0 else "not ok"} - LavinMQ as it is compiles', flush=True)
        if status != 0:
            print(output)
            sys.exit(1)
        for kind, owner, member, given, line in needs():
            if not re.search(word, line):
                continue
            types = source.with_ancestors(owner)
            if kind == 'needs_type':
                parent, last = owner.rsplit('::', 1)
                attempt(f'{line}: renamed', [parent, owner], type_renamed(last))
            elif kind == 'needs_variable':
                edit = variable_of_other_type(member)
                lines = [source.files[path][number] for path, number, full in source.lines if full in types]
                is_there = any(re.search(rf'(?<![\w@])@{member}\b', one) for one in lines)
                if is_there and not any(edit(one) != one for one in lines):
                    known = {full for _, _, full in source.lines}
                    edit = variable_declared(owner, member, [
                        one for one in given
                        if len(given) == 1 or known.issuperset(re.findall(r'\bLavinMQ::[\w:]+', one))])
                attempt(f'{line}: of another type', types, edit)
            elif kind == 'needs_to_call':
                attempt(f'{line}: renamed', types, renamed(member))
            else:
                attempt(f'{line}: renamed', [owner], renamed(member))
                attempt(f'{line}: a parameter more', [owner], with_parameter(member))
                if kind in ('needs', 'needs_overloads') and not re.search(r', 0\b', line):
                    attempt(f'{line}: takes another type', [owner], of_other_type(member))
        if not word:
            attempt('another question of a user', ['LavinMQ::Auth::BaseUser'],
                    lambda line: re.sub(r'^(\s*)def can_impersonate\?', r'\1def can_shout?(vhost : String) : Bool\n\1  true\n\1end\n\n\g<0>', line))
            attempt('another route', ['LavinMQ::HTTP::QueuesController'],
                    lambda line: re.sub(r'^(\s*)get "/api/queues" do.*', r'\1post "/api/queues/:vhost/:name/shout" { |context, _| context }\n\g<0>', line))
    print(f'{count} tried, {failed} failed')
    sys.exit(1 if failed else 0)


main()
