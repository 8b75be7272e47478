#!/bin/sh
# SPDX-License-Identifier: MIT
# Plots what "bench --tsv FILE" wrote: time over the number of rules that do not match, over the
# number of calls without a reply, and over the number of receivers; and the time of calls by the
# roads that they can take.
#
#     bench-plot.sh FILE [DIRECTORY]
#
# Needs gnuplot; writes rules.svg, replies.svg, fanout.svg and links.svg, those of them that the file
# has something of.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: bench-plot.sh FILE [DIRECTORY]" >&2
    exit 2
fi
tsv=$1
out=${2:-.}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# medians PATTERN DAEMON: count, median wall us and median CPU us of the cases that match
medians() {
    awk -F '\t' -v pattern="$1" -v daemon="$2" '
        function median(list,    parts, n, i, j, swap) {
            n = split(list, parts, " ")
            for (i = 2; i <= n; i++)
                for (j = i; j > 1 && parts[j] + 0 < parts[j - 1] + 0; j--) {
                    swap = parts[j]; parts[j] = parts[j - 1]; parts[j - 1] = swap
                }
            return (parts[int((n + 1) / 2)] + parts[int((n + 2) / 2)]) / 2
        }
        FNR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $column["case"] ~ pattern && $column["daemon"] == daemon {
            count = $column["count"]
            wall[count] = wall[count] " " $column["wall_ns"]
            cpu[count] = cpu[count] " " $column["cpu_ns"]
        }
        END { for (n in wall) print n, median(wall[n]) / 1000, median(cpu[n]) / 1000 }
    ' "$tsv" | sort -n
}

# plot NAME PATTERN TITLE XLABEL YLABEL
plot() {
    curves=
    for daemon in stock broker ours; do
        data=$tmp/$1-$daemon
        medians "$2" "$daemon" >"$data"
        [ -s "$data" ] || continue
        curves="$curves${curves:+, }'$data' using 1:3 with linespoints title '$daemon'"
    done
    if [ -z "$curves" ]; then
        echo "$1: nothing in $tsv" >&2
        return
    fi
    gnuplot <<END
set terminal svg size 800,500
set output '$out/$1.svg'
set title '$3'
set xlabel '$4'
set ylabel '$5'
set logscale x 2
set logscale y 10
set grid
set key left top
plot $curves
END
    echo "$out/$1.svg"
}

plot rules '^match-[0-9]+$' 'A signal past rules that do not match' \
    'match rules' 'daemon CPU per message, us'
plot replies '^replies-[0-9]+$' 'A round trip while calls wait for replies' \
    'calls without a reply' 'daemon CPU per message, us'
plot fanout '^fanout-[0-9]+$' 'A signal to many receivers' \
    'receivers' 'daemon CPU per delivery, us'

# links: a group of bars for each case, a bar for each road
plot_links() {
    data=$tmp/links
    roads='stock broker routed linked spinning bare'
    for name in link-1cpu link-free link-inflight64-1cpu link-inflight64-free link-64k-1cpu \
        link-64k-free link-idle link-flooded; do
        line=$name
        for road in $roads; do
            wall=$(medians "^$name\$" "link-$road" | awk 'NR == 1 { print $2 }')
            line="$line ${wall:--}"
        done
        case $line in
        *[0-9].*) echo "${line#link-}" >>"$data" ;;
        esac
    done
    if ! [ -s "$data" ]; then
        echo "links: nothing in $tsv" >&2
        return
    fi
    curves=
    column=2
    for road in $roads; do
        curves="$curves${curves:+, }'$data' using $column:xtic(1) title '$road'"
        column=$((column + 1))
    done
    gnuplot <<END
set terminal svg size 1000,500
set output '$out/links.svg'
set title 'A call and its reply'
set ylabel 'us'
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.8
set logscale y 10
set yrange [1:]
set grid y
set key outside right
set datafile missing '-'
set xtics noenhanced
plot $curves
END
    echo "$out/links.svg"
}

plot_links
