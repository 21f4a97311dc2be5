# Completion of tokenward for bash.
_tokenward() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            check | inspect | keys | config | deny | allow | explain) command=${COMP_WORDS[i]} ;;
        esac
    done
    COMPREPLY=()
    case $before in
        --config | --token-file | --file | --certificate | --library)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        --configure | --read | --write | --mqtt-filter | --client-id | --section | --wait) return ;;
    esac
    local words='--help --verbose --library'
    case $command in
        check) words+=' --config --json --token-file --wait --configure --read --write --mqtt-filter --mqtt --client-id --certificate' ;;
        inspect) words+=' --config --json --token-file' ;;
        keys) words+=' --config --json --wait --health' ;;
        config) words+=' --config --json' ;;
        deny | allow) words+=' --config --json --file --section username jti client_id kid issued_before now' ;;
        explain)
            words+=' --json'
            # A line each: number, name, meaning.
            [[ $word == -* ]] || words=$(tokenward explain 2>/dev/null | sed -n 's|^[0-9]*  *\([A-Z0-9_]*\):.*|\1|p')
            ;;
        *) words+=' --version check inspect keys config deny allow explain' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _tokenward tokenward
