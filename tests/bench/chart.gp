# gnuplot -e "data='cold.dat'; out='cold.svg'; columns=8" chart.gp
set terminal svg size 860,420 dynamic font 'sans-serif,13' background rgb 'white'
set output out
set title 'Cold authenticate: speed, EVP\_DigestVerify with a new context and nothing parsed = 1.00' font ',14'
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set boxwidth 0.9
set yrange [0:1.4]
set ytics 0.2
set grid ytics lc rgb '#dddddd'
set key outside right
set border 3
set xtics nomirror
set ytics nomirror
set arrow from graph 0, first 1 to graph 1, first 1 nohead lc rgb '#888888' dt 2
set datafile missing 'NaN'
set datafile separator tab
plot for [column=2:columns] data using column:xtic(1) title columnheader(column)
