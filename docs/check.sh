#!/usr/bin/env bash
# Runs the commands of README and docs, so that none of them rots.
#
#   docs/check.sh             those that need nothing and take seconds (what CI runs)
#   docs/check.sh --all       those that take minutes too, and those that need photos or models, where these are
#   docs/check.sh --list      says of each command what it needs, and runs none
#
# A comment before each block of commands, <!-- check: KIND -->, says what it needs:
#   quick     nothing, and it takes seconds
#   minutes   nothing, but minutes
#   photos    the 158 photos of DreamBench: the folder "dataset" of github.com/google/dreambooth, named by PATCHDPO_DREAMBENCH
#   models    a folder of models and other files, laid out as the commands name them below path/to, named by PATCHDPO_MODELS
#   never     an outline, or something that is run elsewhere or needs programs of its own: the comment goes on to say why
# Commands run in an empty folder, one after another; what earlier ones wrote is there. Each is told with its time and exit code, and the first
# that fails ends the run. A block without such a comment is an error.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
mode=quick
case "${1:-}" in
  "") ;;
  --all) mode=all ;;
  --list) mode=list ;;
  *) echo "usage: docs/check.sh [--all | --list]" >&2; exit 2 ;;
esac
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$root/tests" "$root/docs" "$work/"
if [ -n "${PATCHDPO_MODELS:-}" ]; then
  mkdir -p "$work/path" && ln -s "$(realpath "$PATCHDPO_MODELS")" "$work/path/to"
else
  mkdir -p "$work"/path/to/{generated,references,photos/boot} "$work/generations/boot"
  for name in obj0 obj1; do
    cp "$root/tests/fixtures/14_elite/$name.png" "$work/path/to/generated/"
    cp "$root/tests/fixtures/14_elite/$name.png" "$work/path/to/references/"
  done
  cp "$root/tests/fixtures/14_elite/obj0.png" "$work/path/to/photos/boot/"
  cp "$root/tests/fixtures/14_elite/obj1.png" "$work/generations/boot/a boot on grass.png"
  cp "$root/tests/fixtures/14_elite/obj0.png" "$work/photo.png"
  # Two evaluations are compared: this week's stands for both.
  ln -s this-week "$work/last-week"
fi
if [ -n "${PATCHDPO_DREAMBENCH:-}" ] && [ -z "${PATCHDPO_MODELS:-}" ]; then
  # A copy of links, because a document's table is laid beside the photos.
  mkdir -p "$work/path/to/dreambooth" && cp -rs "$(realpath "$PATCHDPO_DREAMBENCH")" "$work/path/to/dreambooth/dataset"
  cp "$root/docs/images/photos.tsv" "$work/path/to/dreambooth/dataset/"
  ln -s dreambooth "$work/path/to/dreambench"
fi

# One line a command: file, line, kind, command. Continued lines are joined, comments dropped.
commands() {
  awk '
    FNR == 1 { kind = ""; block = 0 }
    /^<!-- check: / { kind = $3; sub(/,$/, "", kind); next }
    /^```bash$/ { block = 1; if (kind == "") kind = "unmarked"; next }
    /^```/ && block { block = 0; kind = ""; next }
    block {
      if (text == "") start = FNR
      line = $0
      sub(/[ \t]+#.*$/, "", line); sub(/^#.*$/, "", line)
      if (line ~ /\\$/) { sub(/[ \t]*\\$/, " ", line); sub(/^[ \t]+/, "", line); text = text line; next }
      sub(/^[ \t]+/, "", line)
      text = text line
      if (text != "") print FILENAME "\t" start "\t" kind "\t" text
      text = ""
    }' "$@"
}

ran=0 left=0
while IFS=$'\t' read -r -u 3 file line kind command; do
  place="${file#"$root"/}:$line"
  case "$kind" in
    quick) run=1 ;;
    minutes) run=0; [ "$mode" = all ] && run=1 ;;
    photos) run=0; [ "$mode" = all ] && [ -n "${PATCHDPO_DREAMBENCH:-}" ] && run=1 ;;
    models) run=0; [ "$mode" = all ] && [ -n "${PATCHDPO_MODELS:-}" ] && run=1 ;;
    never) run=0 ;;
    *) echo "$place: '$command' is in a block without <!-- check: quick|minutes|photos|models|never -->" >&2; exit 1 ;;
  esac
  if [ "$mode" = list ]; then
    printf '%-8s %-26s %s\n' "$kind" "$place" "$command"
    continue
  fi
  if [ "$run" -eq 0 ]; then
    left=$((left + 1))
    [ "$mode" = all ] && echo "-- not run ($kind) $place: $command"
    continue
  fi
  echo "== $place: $command"
  begun=$SECONDS
  # Projects and the manifest of tools are the repository's; all else is in the empty folder.
  (cd "$work" && eval "$(sed -E "s#(--project |pack -c Release |publish -c Release .*)(tools|examples|experiments|tests|src)/#\1$root/\2/#; s#(^|mpirun -n [0-9]+ )patchdpo #\1dotnet run -c Release --project $root/tools/patchdpo -- #; s#^dotnet (tool|docfx)( |$)#cd $root \&\& &#" <<< "$command")") < /dev/null
  code=$?
  echo "-- exit code $code after $((SECONDS - begun)) s"
  if [ "$code" -ne 0 ]; then
    echo "$place: the command failed" >&2
    exit 1
  fi
  ran=$((ran + 1))
done 3< <(commands "$root/README.md" "$root"/docs/*.md)
[ "$mode" = list ] || echo "$ran commands ran, $left did not (docs/check.sh --list says what they need)"
