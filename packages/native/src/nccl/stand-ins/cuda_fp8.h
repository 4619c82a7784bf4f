// Small numbers of devices: mentioned by no type that the host sees.
#pragma once
