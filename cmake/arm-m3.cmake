# Bare-metal Cortex-M3: shows that the device side is a device side, and links it for the board of ports/mps2.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m3)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

# tools/footprint reads what the last two flags leave beside the objects: frames, and who calls whom.
set(CMAKE_C_FLAGS_INIT
    "-mcpu=cortex-m3 -mthumb -DOTA_ASSERT_TRAPS -ffunction-sections -fdata-sections -fstack-usage -fcallgraph-info=su")
