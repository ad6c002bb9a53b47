# What all parts of this build share: the one target that carries the warnings, device modules, tests.

add_library(waft_flags INTERFACE)
target_compile_options(waft_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wswitch-enum -Wvla -Wcast-qual -Wundef -Werror
    # An assert names its file as the repository does: short, and the same wherever it is built.
    -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
if(WAFT_SANITIZE)
    target_compile_options(waft_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
        -fno-omit-frame-pointer)
    target_link_options(waft_flags INTERFACE -fsanitize=address,undefined)
endif()

# ota_module(NAME SOURCES a.c b.c DEPS base codec)
# A device module: libota_NAME, which sees include/ota and links only what tools/layers.txt allows it.
function(ota_module name)
    cmake_parse_arguments(M "" "" "SOURCES;DEPS" ${ARGN})
    add_library(ota_${name} STATIC ${M_SOURCES})
    target_include_directories(ota_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include)
    list(TRANSFORM M_DEPS PREPEND ota_)
    target_link_libraries(ota_${name} PUBLIC ${M_DEPS} PRIVATE waft_flags)
endfunction()

# ota_test(NAME LABEL label [MAIN a.c] [SOURCES ...] [LIBS ...] [TIMEOUT seconds])
# A cmocka program test_NAME from test_NAME.c, or from MAIN: the same facts about other LIBS; and a CTest of the same name.
function(ota_test name)
    cmake_parse_arguments(T "" "LABEL;MAIN;TIMEOUT" "SOURCES;LIBS" ${ARGN})
    if(NOT T_MAIN)
        set(T_MAIN test_${name}.c)
    endif()
    add_executable(test_${name} ${T_MAIN} ${T_SOURCES})
    target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support)
    target_link_libraries(test_${name} PRIVATE ${T_LIBS} test_support cmocka waft_flags)
    # Asked for by name: the modules behind test_support in the link order are what needs it.
    target_link_options(test_${name} PRIVATE LINKER:--undefined=ota_assert_failed)
    add_test(NAME ${name} COMMAND test_${name})
    if(NOT T_TIMEOUT)
        set(T_TIMEOUT 60)
    endif()
    math(EXPR T_TIMEOUT "${T_TIMEOUT} * ${WAFT_PATIENCE}")
    set_tests_properties(${name} PROPERTIES LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT})
endfunction()
