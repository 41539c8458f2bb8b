@echo off
rem The command `framehouse` of the packaged program: the same program, on the Node inside Electron.
setlocal
set ELECTRON_RUN_AS_NODE=1
"%~dp0Framehouse.exe" "%~dp0resources\app\bin\framehouse.js" %*
