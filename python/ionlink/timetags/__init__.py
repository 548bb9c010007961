"""Time tags: every click of a station with channel and picosecond, in memory and in files."""

from ionlink.timetags.files import load_click_stream, save_click_stream
from ionlink.timetags.stream import ClickStream

__all__ = ["ClickStream", "load_click_stream", "save_click_stream"]
