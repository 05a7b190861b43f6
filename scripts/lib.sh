# Shared by scripts/demo and scripts/test: the virtual environment, made and filled only when it must be.
# shellcheck shell=sh

LAB_BEGAN=${LAB_BEGAN:-$(date +%s.%N)}
export LAB_BEGAN

say() {
    awk -v began="$LAB_BEGAN" -v now="$(date +%s.%N)" -v text="$1" 'BEGIN { printf "[%5.1f s] %s\n", now - began, text }'
}

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    exit 1
}

# a Python of at least 3.11
find_python() {
    for python in python3 python3.13 python3.12 python3.11 python3.14; do
        if command -v "$python" > /dev/null && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
            printf '%s\n' "$python"
            return
        fi
    done
    fail "Python 3.11 or newer is needed: apt-get install python3 python3-venv"
}

# make_venv EXTRAS: .venv with the package (editable) and these extras. The stamp says for which setup.cfg and which place it was made.
make_venv() {
    stamp=.venv/.lab-$1
    wanted="$PWD $(cksum < setup.cfg)"
    if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2> /dev/null)" = "$wanted" ]; then
        return
    fi
    if ! { [ -x .venv/bin/python ] && .venv/bin/python -m pip --version > /dev/null 2>&1 && [ "$(cat .venv/.lab-place 2> /dev/null)" = "$PWD" ]; }; then
        python=$(find_python)
        say "making .venv ($("$python" --version))"
        rm -rf .venv
        if ! made=$("$python" -m venv .venv 2>&1); then
            rm -rf .venv
            case $made in
                *ensurepip*) fail "Python's venv is missing: apt-get install python3-venv" ;;
                *) fail "$python -m venv .venv failed: $made" ;;
            esac
        fi
        printf '%s\n' "$PWD" > .venv/.lab-place
    fi
    say "installing the package into .venv"
    log=.venv/pip.log
    if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -e ".[$1]" > "$log" 2>&1; then
        tail -n 15 "$log" >&2
        fail "the package could not be installed (the whole log: $log)"
    fi
    printf '%s\n' "$wanted" > "$stamp"
}
