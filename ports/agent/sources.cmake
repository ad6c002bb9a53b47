# OTA_FACADE_SOURCES: the OTA_ interface without its port, which is one file more: pthread.c, superloop.c, or your own.
set(OTA_FACADE_SOURCES config.c decide.c effects.c facade.c words.c)
list(TRANSFORM OTA_FACADE_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
