echo $'a\x41\u00e9' $"t" \
 x; echo `echo \`echo n\``