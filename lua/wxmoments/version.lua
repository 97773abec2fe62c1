--- The version, in one place.
-- @module wxmoments.version

return "0.1.0"
