#!/usr/bin/env bash
# The whole way on the lab, from a fleet whose edges deliver nothing to one whose edges do: make demo
# It asks nothing, and fails where an edge does not deliver in the end. What each step printed is in reports/demo.
set -euo pipefail

cd "$(dirname "$0")/.."
lab=lab/bin/lab
reports=reports/demo
export ANSIBLE_NOCOLOR=1 ANSIBLE_FORCE_COLOR=0
rm -rf "$reports"
mkdir -p "$reports"
times=()

# step NAME SHOW COMMAND...: one line before, what SHOW leaves of the output, one line after. All of it goes into a file.
step() {
  local name=$1 show=$2 log began=$SECONDS
  shift 2
  log=$reports/$((${#times[@]} + 1))-${name//[^a-z0-9]/-}.log
  printf '\n=== %s\n' "$name"
  if ! "$@" 2>&1 | tee "$log" | "$show"; then
    tail -n 60 "$log" >&2
    printf '\ndemo: "%s" failed after %d s; all it printed is in %s\n' "$name" $((SECONDS - began)) "$log" >&2
    exit 1
  fi
  times+=("$(printf '%-30s %5d s' "$name" $((SECONDS - began)))")
  printf '=== %s: done, %d s\n' "$name" $((SECONDS - began))
}

everything() { cat; }

# The lines of a playbook's messages, without its tasks. Not with awk: Debian's would show them when all is over.
messages() {
  local line on=
  while IFS= read -r line; do
    case $line in
      '    msg:'*) on=yes ;;
      '    '*) line=${line#    } && if [[ $on ]]; then printf '%s\n' "${line#- }"; fi ;;
      *) on= ;;
    esac
  done
}

# Which part of a playbook runs, what it changes, and what it says while it waits: without thresholds, and what was not asked.
progress() {
  local line task=
  while IFS= read -r line; do
    case $line in
      'PLAY ['*) line=${line#*[} && printf '%s\n' "${line%]*}" ;;
      'TASK ['*)
        task=${line#*[}
        task=${task%]*}
        task=${task##* : }
        task=${task% of cluster-*}
        ;;
      'changed: ['*) line=${line#changed: } && printf '  %s %s\n' "${line%%]*}]" "$task" ;;
      '['*)
        if [[ ! $line =~ ^[^]]*\]\ -\  ]]; then
          line=${line%%must be: *}
          line=${line%"${line##*[! ;]}"}
          ((${#line} <= 116)) || line=${line::113}...
          printf '  %s\n' "$line"
        fi
        ;;
    esac
  done
}

play() { "$lab" exec ansible-playbook --inventory=inventories/lab --extra-vars="fleet_audit_reports=$reports" "$@"; }

# Whether an edge delivers can be seen without watching it for a scrape interval.
unwatched='{"fleet_status_watch":false}'

began=$SECONDS
echo "demo: four clusters, from an audit to samples that arrive; 5 minutes, and 20 more where the tools are not built yet"
step 'build the tools' everything "$lab" tools
step 'bring the lab up' everything "$lab" up
step 'begin where the audit began' everything "$lab" reset audited
audited=$SECONDS
step 'audit' messages play playbooks/audit.yml
step 'how each edge delivers now' messages play playbooks/status.yml --extra-vars="$unwatched"
mv "$reports"/*-status.json "$reports/before-status.json"
step 'phase 1, the receiver' progress play playbooks/phase1_receiver.yml
step 'phase 2, remote write' progress play playbooks/phase2_remote_write.yml
step 'how each edge delivers at last' messages play playbooks/status.yml --extra-vars="$unwatched" \
  --extra-vars="fleet_status_compare=$reports/before-status.json" --extra-vars=fleet_status_required=true

printf '\n=== every edge delivers\n'
printf '%s\n' "${times[@]}"
printf '%-30s %5d s\n' 'from audited to the table' $((SECONDS - audited))
printf '%-30s %5d s\n' 'in all' $((SECONDS - began))
printf 'The report of the audit: %s\n' "$PWD/$reports"/*-audit.html
echo "Look around: $lab exec kubectl --context cluster-03 get pods -A; end it with: make lab-down"
