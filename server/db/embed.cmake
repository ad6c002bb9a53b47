# cmake -DIN=file.sql -DOUT=file.h -DNAME=name -P embed.cmake
# Makes `static const char NAME[]` with the bytes of IN and a terminator: no quoting to get wrong.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "static const char ${NAME}[] = {\n${bytes}0 };\n")
